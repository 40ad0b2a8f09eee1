"""Restrictions of a token: addresses and pages, and what EmailEngine's clients may write for them."""

from ipaddress import ip_address
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.restrictions import NewRestrictions, Restrictions


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("203.0.113.200", True),
        ("203.0.114.1", False),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("2001:db8:1::5", True),
        ("2001:db9::5", False),
        ("192.0.2.9", True),
        (None, False),
    ],
)
def test_addresses_are_a_list_of_networks(address: str | None, *, admitted: bool) -> None:
    """A token may be used from what one of its addresses or ranges covers, and from nowhere that nobody can tell."""
    listed = ("203.0.113.77/24", "198.51.100.7", "2001:db8::/32", "::ffff:192.0.2.0/120")
    restrictions = Restrictions(addresses=NewRestrictions(addresses=listed).addresses)
    assert restrictions.admit_address(ip_address(address) if address else None) is admitted
    assert Restrictions().admit_address(None)


@pytest.mark.parametrize(
    ("pattern", "referrer", "admitted"),
    [
        ("https://domain.org/*", "https://domain.org/a/b?c", True),
        ("https://domain.org/*", "https://domain.org.evil.example/", False),
        ("https://domain.org/*", "https://evil.example/https://domain.org/", False),
        ("*.domain.org/*", "https://www.domain.org/", True),
        ("*web.domain.org/*", "https://WEB.domain.org/x", True),
        ("https://domain.org/", "https://domain.org/", True),
        ("https://domain.org/", "https://domain.org/x", False),
        ("a*b*c", "a-b-b-c", True),
        ("ab*bc", "abc", False),
        ("https://d?main.org/*", "https://domain.org/", False),
        ("*", "", True),
        ("https://*", "", False),
    ],
)
def test_referrers_are_patterns(pattern: str, referrer: str, *, admitted: bool) -> None:
    """`*` stands for anything, nothing else for anything but itself, and the whole referrer has to fit."""
    assert Restrictions(referrers=(pattern,)).admit_referrer(referrer) is admitted


def test_a_pattern_takes_no_time() -> None:
    """A pattern of stars is matched in one pass, however long the referrer is."""
    assert not Restrictions(referrers=("*a" * 500 + "b",)).admit_referrer("a" * 30_000)


def test_one_alone_needs_no_list() -> None:
    """As in EmailEngine, one address or pattern stands for a list of it."""
    assert NewRestrictions.model_validate({"addresses": "10.0.0.5", "referrers": "https://a/*"}) == NewRestrictions(
        addresses=("10.0.0.5",), referrers=("https://a/*",)
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "10.0.0.0/33",
        "10.0.0",
        "10.0.0.1-10.0.0.9",
        "10.0.0.0/255.0.0.0",
        "fe80::1%eth0",
        "٣.0.0.1",
        "1.2.3.4/",
        "*",
        "",
    ],
)
def test_what_is_no_address(wrong: str) -> None:
    """What is neither an address nor a range in CIDR notation is refused at its place in the list."""
    with pytest.raises(ValidationError) as refused:
        NewRestrictions.model_validate({"addresses": ["10.0.0.5", wrong]})
    (error,) = refused.value.errors()
    assert (error["loc"], "must be an IP address or a range" in error["msg"]) == (("addresses", 1), True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"addresses": []},
        {"addresses": True},
        {"addresses": [10]},
        {"addresses": ["10.0.0.5"] * 101},
        {"referrers": []},
        {"referrers": [""]},
        {"referrers": ["a\x00"]},
        {"rateLimit": True},
    ],
)
def test_what_restricts_nobody_or_everybody_is_refused(wrong: dict[str, Any]) -> None:
    """An empty list, and what is no list, says nothing that one could rely on."""
    with pytest.raises(ValidationError):
        NewRestrictions.model_validate(wrong)
