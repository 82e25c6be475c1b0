"""Which machine a URL leads to: looked up once, judged, and then called by that very address.

A name that is looked up a second time may lead elsewhere; so what was judged is what is called.
"""

import ipaddress
import socket
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from quarterdeck_kernel.errors import PermanentToolError, TransientToolError
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.vocabulary.addresses import called

_PORTS = {"http": 80, "https": 443}
_URL_CHARS = 8_000
_TRANSLATED = ipaddress.ip_network("64:ff9b:1::/48")
"""A network's own NAT64: where in it the address of IPv4 stands is that network's affair."""


class Target(NamedTuple):
    """Whom to ask: a name, as it stands in the URL, and a port."""

    scheme: str
    host: str
    port: int
    url: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Return what an approval is about: whom is asked, and how."""
        return self.scheme, self.host, self.port


def target_of(url: str) -> Target:
    """Return whom a URL leads to, or refuse it."""
    if len(url) > _URL_CHARS or not url.isprintable() or " " in url:
        raise PermanentToolError(f"{shown(url)} is no usable URL; escape what is special in it")
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise PermanentToolError(f"{shown(url)} is no URL: {error}") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise PermanentToolError(f"{shown(url)} is no URL of http or https; give a whole one")
    if parts.username is not None or parts.password is not None:
        raise PermanentToolError(
            f"the URL of {shown(parts.hostname)} holds a password; leave it out"
        )
    return Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], url)


def address_of(target: Target, private_hosts: Collection[str]) -> str:
    """Return the address to call, or refuse one that is not of the public internet.

    `private_hosts` may be anywhere: names, or names with a port.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        message = f"there is no machine called {shown(target.host)}: {error.strerror}"
        if error.errno == socket.EAI_AGAIN:
            raise TransientToolError(message) from error
        raise PermanentToolError(message) from error
    except UnicodeError as error:
        raise PermanentToolError(f"{shown(target.host)} is no name of a machine") from error
    addresses = [str(info[4][0]) for info in found]
    allowed = {target.host, f"{target.host}:{target.port}"} & set(private_hosts)
    if not allowed and not all(map(_is_public, addresses)):
        raise PermanentToolError(
            f"{shown(target.host)} is a machine of a private network, which is not asked unless "
            "the settings name it"
        )
    return addresses[0]


def _is_public(address: str) -> bool:
    found = called(ipaddress.ip_address(address.partition("%")[0]))
    return found.is_global and not found.is_multicast and found not in _TRANSLATED
