"""What the guard refuses, and what an operator can open."""

from ipaddress import ip_network

import pytest

from shared.adapters.webhook_http.address_guard import refusal

EVERYTHING = [ip_network("0.0.0.0/0"), ip_network("::/0")]

INNER = [
    "0.0.0.0",  # noqa: S104  this is the address to refuse
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "172.16.0.1",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001:0:53aa:64c::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff0e::1",
]

PLATFORM = [
    "168.63.129.16",
    "169.254.169.254",
    "169.254.129.2",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:168.63.129.16",
    "::a83f:8110",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a83f:8110",
    "64:ff9b:1:a9fe:a9:fe00::",
    "2002:a83f:8110::",
    "2001:0:a83f:8110::1",  # Teredo: the server's address
    "2001::5601:5601",  # Teredo: the client's, inverted (169.254.169.254)
]


@pytest.mark.parametrize("address", [*INNER, *PLATFORM, "localhost", "", "127.1"])
def test_inner_address_is_refused(address: str) -> None:
    """Nothing but a public address may be reached, in whatever form it is written."""
    assert refusal(address, [])


@pytest.mark.parametrize("address", ["8.8.8.8", "20.50.2.1", "::ffff:8.8.8.8", "2606:4700::1111", "2a01:111::1%eth0"])
def test_public_address_is_taken(address: str) -> None:
    """A public address may be reached."""
    assert refusal(address, []) is None


@pytest.mark.parametrize("address", INNER)
def test_operator_opens_private_networks(address: str) -> None:
    """What the operator allows may be reached."""
    assert refusal(address, EVERYTHING) is None


@pytest.mark.parametrize("address", PLATFORM)
def test_platform_is_never_opened(address: str) -> None:
    """A platform's own address stays refused whatever the operator allows, hidden in another address too."""
    assert refusal(address, EVERYTHING) == "a platform's own address"


def test_allowed_gateway_opens_no_inner_address() -> None:
    """An operator's NAT64 leads to public addresses, and not to private ones that nobody allowed."""
    gateway = [ip_network("64:ff9b::/96")]
    assert refusal("64:ff9b::808:808", gateway) is None
    assert refusal("64:ff9b::a00:1", gateway)
    assert refusal("64:ff9b::a00:1", [*gateway, ip_network("10.0.0.0/8")]) is None
