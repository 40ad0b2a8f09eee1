"""From where a request comes: what the platform appended, and never what the caller said."""

import pytest

from shared.domain.callers import Caller


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ("203.0.113.9:49196", 1, "203.0.113.9"),
        ("10.0.0.5, 203.0.113.9:49196", 1, "203.0.113.9"),
        ("10.0.0.5,10.0.0.5,203.0.113.9", 1, "203.0.113.9"),
        ("10.0.0.5, 203.0.113.9, 198.51.100.7:1", 2, "203.0.113.9"),
        ("[2001:db8::1]:49196", 1, "2001:db8::1"),
        ("2001:db8::1", 1, "2001:db8::1"),
        ("[::ffff:203.0.113.9]:49196", 1, "203.0.113.9"),
    ],
)
def test_a_proxy_appends_who_called_it(forwarded: str, proxies: int, address: str) -> None:
    """The address is what the outermost trusted proxy wrote, with a port or without; all before it is a claim."""
    assert str(Caller(forwarded).address(proxies)) == address


@pytest.mark.parametrize(
    ("forwarded", "proxies"),
    [("203.0.113.9", 0), ("203.0.113.9", 2), ("", 1), ("203.0.113.9,", 1), ("unknown", 1), ("1.2.3.4.5:80", 1)],
)
def test_an_address_that_nobody_proved_is_none(forwarded: str, proxies: int) -> None:
    """Without a proxy, with fewer entries than proxies, or with what is no address, nobody can tell."""
    assert Caller(forwarded).address(proxies) is None
