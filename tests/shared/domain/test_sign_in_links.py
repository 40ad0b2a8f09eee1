"""Only the signature lets one in, and only what was signed counts."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.sign_in_links import LinkRefused, NewSignInForm, is_expected, new_link, opened, returning, signed
from tests.fakes.clock import START

SECRET = "service-secret"
NONCE = "n" * 22


def form(**fields: Any) -> NewSignInForm:
    """Return a request for a link."""
    return NewSignInForm.model_validate({"redirectUrl": "https://app.example.com/back?tenant=1", **fields})


def test_a_link_comes_back_as_it_was() -> None:
    """What was signed is what is read, for a day less a minute, under the secret or the one before it."""
    link = new_link(
        form(account="ænna", email="help@contoso.com", delegated=True, path="INBOX", expectedEmail="anna@contoso.com"),
        nonce=NONCE,
        now=START,
    )
    query = signed(link, SECRET)
    assert opened(**query, secrets=["new", SECRET], now=START + timedelta(hours=23, minutes=58)) == link
    with pytest.raises(LinkRefused, match="expired"):
        opened(**query, secrets=[SECRET], now=START + timedelta(days=1))


def test_links_are_spelt_as_emailengine_spells_them() -> None:
    """The data is JSON in camel case without what says nothing, with the nonce and the moment in milliseconds."""
    data = signed(new_link(form(), nonce=NONCE, now=START), SECRET)["data"]
    padded = data + "=" * (-len(data) % 4)
    told = json.loads(urlsafe_b64decode(padded))
    assert told == {
        "redirectUrl": "https://app.example.com/back?tenant=1",
        "n": NONCE,
        "t": int(START.timestamp() * 1000),
    }


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_link_is_refused(position: int, change: int) -> None:
    """Whatever byte of the data is changed, the signature does not hold."""
    query = signed(new_link(form(), nonce=NONCE, now=START), SECRET)
    padded = query["data"] + "=" * (-len(query["data"]) % 4)
    raw = bytearray(urlsafe_b64decode(padded))
    raw[position % len(raw)] ^= change
    with pytest.raises(LinkRefused, match="Signature"):
        opened(urlsafe_b64encode(raw).decode(), query["sig"], [SECRET], START)


@pytest.mark.parametrize(
    ("data", "sig"), [("", ""), ("é", "é"), ("AAAA", "!"), ("A" * 9000, "AAAA"), ("e30", "")], ids=repr
)
def test_nonsense_is_refused(data: str, sig: str) -> None:
    """What is no base64, too long or unsigned is refused like a forgery."""
    with pytest.raises(LinkRefused):
        opened(data, sig, [SECRET], START)


@pytest.mark.parametrize("said", [{}, {"n": NONCE}, {"t": 1}, {"n": NONCE, "t": 10**30}, {"n": "short", "t": 1}, []])
def test_a_link_without_nonce_or_moment_is_refused(said: Any) -> None:
    """A signed link that would never end, or could be used again and again, lets nobody in."""
    text = json.dumps(said).encode()
    mac = hmac.digest(SECRET.encode(), text, "sha256")
    with pytest.raises(LinkRefused, match="expired"):
        opened(urlsafe_b64encode(text).decode(), urlsafe_b64encode(mac).decode(), [SECRET], START)


@pytest.mark.parametrize("newer", [{"tenant": "contoso"}, {"notifyFrom": "yesterday"}, {"path": {"all": True}}])
def test_a_newer_version_s_link_is_refused(newer: dict[str, Any]) -> None:
    """A signed link with a name or a value that only a newer version knows lets nobody in: it may forbid something."""
    said = {"n": NONCE, "t": int(START.timestamp() * 1000)}
    for fields, refused in ((said, False), ({**said, **newer}, True)):
        text = json.dumps(fields).encode()
        mac = urlsafe_b64encode(hmac.digest(SECRET.encode(), text, "sha256")).decode()
        data = urlsafe_b64encode(text).decode()
        if not refused:
            opened(data, mac, [SECRET], START)
            continue
        with pytest.raises(LinkRefused, match="expired"):
            opened(data, mac, [SECRET], START)


def test_the_way_back_keeps_its_query() -> None:
    """An answer is added to the signed address, whose own query stays."""
    assert (
        returning("https://app.example.com/back?tenant=1&empty=", account="æ/1", state="new")
        == "https://app.example.com/back?tenant=1&empty=&account=%C3%A6%2F1&state=new"
    )


def test_who_is_expected() -> None:
    """The expected address is compared with each identity without regard to case or blanks, and never with nothing."""
    assert is_expected(" Anna@Contoso.com", [None, "anna@contoso.com"])
    assert not is_expected("anna@contoso.com", ["berta@contoso.com", None, ""])


def test_a_letter_that_looks_alike_is_another() -> None:
    """The Kelvin sign and its like, which become ASCII in lower case, make nobody somebody else."""
    assert not is_expected("kate@contoso.com", ["\u212aate@contoso.com"])
    assert not is_expected("kate@contoso.com", ["\uff4bate@contoso.com"])
