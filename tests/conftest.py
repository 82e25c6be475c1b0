"""What holds for every test: it ends, no network but loopback, a home of its own, colours."""

import faulthandler
import gc
import ipaddress
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Hundreds of tests start a Python: none compiles again what another has compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# The default suite says the same each time; the long one looks further.
_LONG = os.environ.get("QUARTERDECK_CRASH") == "long"
settings.register_profile("quarterdeck", deadline=None, derandomize=not _LONG, print_blob=True)
settings.load_profile("quarterdeck")


def pytest_xdist_auto_num_workers() -> int:
    """Twice the cores: what many of the tests do is wait, for disks, processes and servers."""
    return 2 * (os.cpu_count() or 1)


COSTLY = ("imported", "sounds", "played")
"""Fixtures that take seconds: their tests share a worker, as `make test` has xdist arrange."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in COSTLY:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(name))


def pytest_collection_finish() -> None:
    """Leave thousands of tests and modules, which stay, out of what is looked through for garbage.

    A screen makes a hundred thousand objects: looking after every 700 took a third of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


# A shell that runs the suite beside other work has it ignore Ctrl+C, and `nohup` what a closing
# terminal says. Processes inherit that: those under test would wait for ever to be told to stop.
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler)

_ENDS_IN_S = 180
"""Longer than `timeout` in pyproject.toml, which fails one test and lets its cleanup run.

Where the cleanup hangs as well, or no signal handler comes to run, this ends the whole process, and
says where each of its threads is; the test fails as the one in which a worker crashed.
"""
_TOLD_TO = os.dup(2)


def _ends() -> Iterator[None]:
    if _LONG:
        return (yield)
    faulthandler.dump_traceback_later(_ENDS_IN_S, exit=True, file=_TOLD_TO)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup() -> Iterator[None]:
    return (yield from _ends())


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call() -> Iterator[None]:
    return (yield from _ends())


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    return (yield from _ends())


def pytest_unconfigure() -> None:
    """A thread that a test has left behind does not keep the process: it joins them at its end."""
    faulthandler.dump_traceback_later(_ENDS_IN_S, exit=True, file=_TOLD_TO)


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
