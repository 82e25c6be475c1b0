"""Hosts in arguments: whom a URL reaches, however it is written.

Clients disagree about malformed URLs, and attacks live on that. So every reading that a client
might have is returned, and whoever asks takes the worst of them.
"""

import re
import socket
import unicodedata
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network

from quarterdeck_kernel.vocabulary.addresses import Address, called

_IGNORED = re.compile(r"[\t\r\n]")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:(?=[/\\])")
_NUMBERS = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}\.?", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")


def hosts_of(text: str) -> frozenset[str | Address] | None:
    """Return every host that a URL may be taken to name. None: nobody can tell."""
    text = _IGNORED.sub("", text.strip())
    found: set[str | Address] = set()
    for reading in (text, text.replace("\\", "/")):
        for authority in _authorities(reading):
            host = _host(authority)
            if host is None:
                return None
            found.add(host)
    return frozenset(found) or None


def _authorities(url: str) -> Iterable[str]:
    """Yield what may stand before the path: whom it belongs to depends on who reads it."""
    scheme = _SCHEME.match(url)
    rest = (url[scheme.end() :] if scheme else url).lstrip("/\\")
    whole = re.split(r"[/?#]", rest, maxsplit=1)[0]
    yield whole
    # Some end the host at a backslash, some take it for a part of the name before the `@`.
    if "\\" in whole:
        yield whole.split("\\", 1)[0]
    # And some end it at a slash alone.
    upto_slash = rest.split("/", 1)[0]
    if "@" in upto_slash[len(whole) :]:
        yield upto_slash


def _host(authority: str) -> str | Address | None:
    if authority.count("@") > 1:
        return None
    host = authority.rpartition("@")[2]
    if "%" in host and not host.startswith("["):
        return None
    if host.startswith("["):
        inside, closed, after = host[1:].partition("]")
        if not closed or (after and not re.fullmatch(r":\d*", after)):
            return None
        return _address(inside.partition("%")[0])
    name, colon, port = host.partition(":")
    if colon and not re.fullmatch(r"\d*", port):
        # Without brackets, as some write them all the same.
        return _address(host)
    return _named(name)


def _named(name: str) -> str | Address | None:
    name = unicodedata.normalize("NFKC", name).casefold().replace("\u3002", ".")
    if _NUMBERS.fullmatch(name):
        # 127.1, 0x7f000001, 017700000001: the C library takes them all, and so do clients.
        try:
            return ip_address(socket.inet_aton(name.removesuffix(".")))
        except OSError:
            return None
    try:
        name = name.removesuffix(".").encode("idna").decode("ascii").casefold()
    except UnicodeError:
        return None
    return name if _NAME.fullmatch(name) else None


def _address(text: str) -> Address | None:
    try:
        return called(ip_address(text))
    except ValueError:
        return None


def _pattern(pattern: str) -> str:
    if "*" in pattern:
        return pattern.casefold()
    match _named(pattern):
        case str(name):
            return name
        case _:
            raise ValueError(f"{pattern!r} is no host; write a name, an address or a network")


class Hosts:
    """Hosts as a rule names them: a name stands for its subdomains too, a network for its own."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Read names, names with `*`, addresses and networks."""
        self._networks = []
        self._names = []
        for pattern in patterns:
            try:
                self._networks.append(ip_network(pattern.strip("[]"), strict=False))
            except ValueError:
                self._names.append(_pattern(pattern))

    def meant(self, host: str | Address) -> bool:
        """Tell whether a host is one of them."""
        if isinstance(host, str):
            return any(
                host == name or host.endswith(f".{name}") or fnmatchcase(host, name)
                for name in self._names
            )
        return any(host in network for network in self._networks) or any(
            fnmatchcase(str(host), name) for name in self._names
        )
