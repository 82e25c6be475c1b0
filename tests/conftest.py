"""What holds for every test: no network but loopback, a home of its own, a colour terminal."""

import ipaddress
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# The default suite says the same each time; the long one looks further.
_LONG = os.environ.get("QUARTERDECK_CRASH") == "long"
settings.register_profile("quarterdeck", deadline=None, derandomize=not _LONG, print_blob=True)
settings.load_profile("quarterdeck")


def pytest_xdist_auto_num_workers() -> int:
    """Twice the cores: what many of the tests do is wait, for disks, processes and servers."""
    return 2 * (os.cpu_count() or 1)


class NetworkForbiddenError(RuntimeError):
    """A test tried to reach an address outside this machine.

    Not an OSError: code under test may take that for a failed connection and go on.
    """


def _is_loopback(host: object) -> bool:
    if host in {None, "", b"", "localhost", b"localhost"}:
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _guard_sockets(event: str, arguments: tuple[object, ...]) -> None:
    """Sees every socket of the interpreter, also those that libraries and event loops open."""
    if event == "socket.getaddrinfo":
        host: object = arguments[0]
    elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        # An address that is no tuple belongs to a family without a network, as Unix sockets do.
        if not isinstance(arguments[1], tuple):
            return
        host = arguments[1][0]
    else:
        return
    if not _is_loopback(host):
        msg = f"{event} to {host!r}: tests reach loopback and Unix sockets only"
        raise NetworkForbiddenError(msg)


sys.addaudithook(_guard_sockets)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for each test, and nothing of what a person's environment says of colour."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "runtime"))
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    return home
