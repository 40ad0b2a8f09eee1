"""
Which addresses a customer's URL must not lead us to.

Only the resolved address is judged, never the host as it is written: `127.1`, `0x7f.1`, `2130706433` and a name that
points inwards all resolve to what they are. An IPv6 address that carries an IPv4 address counts as both.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Platforms answer here with credentials and configuration; no operator's list opens them.
_PLATFORM = tuple(
    ip_network(text)
    for text in (
        # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        "168.63.129.16/32",
        # https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service and every other cloud's.
        "169.254.0.0/16",
        "fe80::/10",
        # The metadata services that are not link-local: Alibaba, Oracle, AWS, Google.
        "100.100.100.200/32",
        "192.0.0.192/32",
        "fd00:ec2::254/128",
        "fd20:ce::254/128",
    )
)

# `is_global` takes some of these for public, and which ones depends on the version of Python.
_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/32",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fec0::/10",
        "ff00::/8",
    )
)

_V4_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_LAST_32_BITS = 0xFFFFFFFF


def refusal(address: str, allowed: Sequence[Network]) -> str | None:
    """
    Returns why nothing may be sent to *address*, or None where it may.

    *allowed* opens private networks that the operator means to reach; it never opens a platform's own addresses.
    """
    try:
        forms = list(_forms(ip_address(address.partition("%")[0])))
    except ValueError:
        return "not an IP address"
    if any(form in network for form in forms for network in _PLATFORM):
        return "a platform's own address"
    if all(any(form in network for network in allowed) or _is_public(form) for form in forms):
        return None
    return "not a public address"


def _is_public(address: Address) -> bool:
    return address.is_global and not any(address in network for network in _NOT_PUBLIC)


def _forms(address: Address) -> Iterator[Address]:
    """Yields every address that a packet to *address* may end at."""
    if isinstance(address, IPv4Address):
        yield address
    elif address.ipv4_mapped:
        # The socket speaks IPv4 here, so the IPv6 spelling says nothing of its own.
        yield address.ipv4_mapped
    else:
        yield address
        yield from _embedded(address)


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    bits = int(address)
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    if any(address in network for network in (_V4_COMPATIBLE, _NAT64, _NAT64_LOCAL)):
        yield IPv4Address(bits & _LAST_32_BITS)
    if address in _NAT64_LOCAL:
        # A prefix of 48 bits splits the IPv4 address around the octet that must be zero (RFC 6052, 2.2).
        yield IPv4Address((bits >> 64 & 0xFFFF) << 16 | bits >> 40 & 0xFFFF)
