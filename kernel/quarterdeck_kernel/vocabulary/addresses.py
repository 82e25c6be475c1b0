"""Addresses of machines: which one is really called by an address of IPv6 that holds one of IPv4.

Rules and tools both judge addresses, and must not be led to a machine of this network by writing
it as a translator, a tunnel or an old notation would.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_LAST_BITS = (
    IPv6Network("::ffff:0:0/96"),  # as a socket of both families writes IPv4
    IPv6Network("64:ff9b::/96"),  # NAT64
    IPv6Network("::/96"),  # an old notation; ::1 and :: are themselves
)
_ITSELF_BELOW = 2


def called(address: Address) -> Address:
    """Return the IPv4 address that one of IPv6 leads to, else the address itself."""
    if isinstance(address, IPv4Address) or int(address) < _ITSELF_BELOW:
        return address
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in network for network in _LAST_BITS):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
