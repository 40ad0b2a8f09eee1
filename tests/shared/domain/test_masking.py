"""Masks: a secret is shown as stars, and stars that come back mean the secret that is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidRequest
from shared.domain.fields import CustomHeader
from shared.domain.masking import MASK, bare_url, masked_url, unmasked_headers, unmasked_url

KEPT = "https://anna:hush@receiver.example.com/hook"
SHOWN = "https://******@receiver.example.com/hook"
USER = st.text("ab1:;%@!\\ä", min_size=1, max_size=12)
REST = st.sampled_from(
    ["example.com", "example.com:8443/a@b", "example.com/?to=a@b.c", "[::1]/hook", "example.com?a@b"]
)


@given(USER, REST)
def test_no_user_and_no_password_is_shown(user: str, rest: str) -> None:
    """User and password of a URL are stars, or gone, however many `@` they hold; all else stays."""
    assert masked_url(f"https://{user}@{rest}") == f"https://{MASK}@{rest}"
    assert bare_url(f"https://{user}@{rest}") == f"https://{rest}"


@pytest.mark.parametrize("url", ["https://example.com", "HTTP://example.com/a@b", "https://example.com?to=a@b", ""])
def test_a_url_without_a_user_is_shown_as_it_is(url: str) -> None:
    """An `@` behind the host is nobody's password."""
    assert (masked_url(url), bare_url(url)) == (url, url)
    assert masked_url(None) is None


@given(USER, REST)
def test_a_url_that_comes_back_as_shown_is_kept(user: str, rest: str) -> None:
    """A client that sends back what it was shown of a URL keeps the password in it."""
    kept = f"https://{user}@{rest}"
    assert unmasked_url(masked_url(kept), kept) == kept


@pytest.mark.parametrize(
    ("given", "kept", "meant"),
    [
        (SHOWN, KEPT, KEPT),
        ("https://other.example.com", KEPT, "https://other.example.com"),
        ("https://anna:new@receiver.example.com/hook", KEPT, "https://anna:new@receiver.example.com/hook"),
        (None, KEPT, None),
        (KEPT, None, KEPT),
        (None, None, None),
    ],
)
def test_another_url_takes_the_place_of_the_former(given: str | None, kept: str | None, meant: str | None) -> None:
    """Whatever was not shown is meant as it stands, and null unsets."""
    assert unmasked_url(given, kept) == meant


@pytest.mark.parametrize(
    ("given", "kept"), [(SHOWN, None), (SHOWN, "https://receiver.example.com/hook"), (f"{SHOWN}/new", KEPT)]
)
def test_stars_that_stand_for_no_url_are_refused(given: str, kept: str | None) -> None:
    """Stars in a URL that was never shown so would be sent as a user: they are refused at `webhooks`."""
    with pytest.raises(InvalidRequest) as refused:
        unmasked_url(given, kept)
    assert [problem.key for problem in refused.value.problems] == ["webhooks"]


def test_a_masked_header_keeps_its_value() -> None:
    """Stars stand for the value under the same name, whatever its case; other values are new, and the rest goes."""
    given = [CustomHeader(key="x-key", value=MASK), CustomHeader(key="X-New", value="fresh")]
    assert unmasked_headers(given, {"X-Key": "hush", "X-Gone": "old"}) == {"x-key": "hush", "X-New": "fresh"}


def test_stars_that_stand_for_no_header_are_refused() -> None:
    """Stars under a name that nothing is kept for are refused at their place."""
    given = [CustomHeader(key="X-Key", value="fresh"), CustomHeader(key="X-New", value=MASK)]
    with pytest.raises(InvalidRequest) as refused:
        unmasked_headers(given, {"X-Key": "hush"})
    (problem,) = refused.value.problems
    assert problem.key == "webhooksCustomHeaders.1.value"
    assert problem.message == "\"webhooksCustomHeaders.1.value\" is masked, and no value is kept for 'X-New'"
