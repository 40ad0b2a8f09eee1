"""What Entra ID's refusals mean where a user is involved."""

from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.entra.errors import PASSING, Refusal, refusal
from shared.adapters.entra.user_errors import USER_MEND, read_code_refusal, read_grant_refusal, read_return
from shared.domain.errors import GrantRefused, SignInCancelled, SignInRefused, TryLater
from shared.domain.oauth2 import OAuth2App
from tests.shared.adapters.entra.conftest import NOW


def heard(error: str, code: int | None = None, *, status: int = 400) -> Refusal:
    """Return a refusal as it is read."""
    said = f"AADSTS{code}: No. Trace ID: 7a0c" if code else ""
    body: dict[str, Any] = {"error": error, "error_description": said}
    return refusal("u", ["s"], status, body, grant="refresh_token", retry_after=timedelta(seconds=7))


def test_the_tables_do_not_contradict_each_other() -> None:
    """What passes by itself is nobody's to mend."""
    assert PASSING.isdisjoint(USER_MEND)


@pytest.mark.parametrize(
    ("error", "code"),
    [("invalid_grant", 50173), ("invalid_grant", 700082), ("interaction_required", 50076), ("invalid_grant", 12345)],
)
def test_the_users_part_ends_the_grant(app: OAuth2App, error: str, code: int) -> None:
    """A grant that is refused has Entra's reason and a sentence for the user; unknown numbers have one too."""
    refused = read_grant_refusal(heard(error, code), app, NOW)
    assert isinstance(refused, GrantRefused)
    assert (refused.reason, str(refused)) == (f"AADSTS{code}", f"AADSTS{code}: No.")
    assert refused.mend == USER_MEND.get(code, refused.mend)
    assert "sign in again" in refused.mend


@pytest.mark.parametrize(
    ("error", "code"), [("invalid_client", 7000215), ("invalid_client", 7000222), ("unauthorized_client", 700016)]
)
def test_the_applications_part_leaves_the_grant(app: OAuth2App, error: str, code: int) -> None:
    """What is wrong with the application is told as that, in a refresh and in a sign-in."""
    for read in (read_grant_refusal, read_code_refusal):
        refused = read(heard(error, code), app, NOW)
        assert isinstance(refused, SignInRefused)
        assert not isinstance(refused, GrantRefused)
        assert refused.reason == f"AADSTS{code}"


@pytest.mark.parametrize(
    "found",
    [heard("temporarily_unavailable", 90033, status=503), heard("", status=429), heard("invalid_grant", 50196)],
    ids=["down", "throttled", "looping"],
)
def test_what_passes_is_try_later(app: OAuth2App, found: Refusal) -> None:
    """Outages and throttling end nothing, and say how long to wait."""
    for read in (read_grant_refusal, read_code_refusal):
        later = read(found, app, NOW)
        assert isinstance(later, TryLater)
        assert later.retry_after == timedelta(seconds=7)


def test_a_code_that_is_not_taken(app: OAuth2App) -> None:
    """A code that was used or is too old is no grant's end: the sign-in begins again."""
    refused = read_code_refusal(heard("invalid_grant", 54005), app, NOW)
    assert type(refused) is SignInRefused
    assert "Begin the sign-in again" in refused.mend


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        ("access_denied", 65004, SignInCancelled),
        ("access_denied", None, SignInCancelled),
        ("access_denied", 90094, SignInRefused),
        ("access_denied", 50105, SignInRefused),
        ("invalid_client", 650053, SignInRefused),
        ("something_new", None, SignInRefused),
        ("", None, SignInRefused),
        ("server_error", None, TryLater),
        ("temporarily_unavailable", 90033, TryLater),
    ],
)
def test_who_comes_back_without_a_code(error: str, code: int | None, kind: type[Exception]) -> None:
    """Leaving, being refused and finding Entra ID busy are three things; each refusal has a reason and a mend."""
    told = read_return(heard(error, code, status=200))
    assert type(told) is kind
    if isinstance(told, SignInRefused):
        assert told.reason
        assert told.mend


def test_a_long_story_is_cut() -> None:
    """What comes through a browser may be as long as it likes, and what is told of it may not."""
    body = {"error": "e" * 5000, "error_description": "d" * 5000}
    told = read_return(refusal("u", [], 200, body))
    assert isinstance(told, SignInRefused)
    assert (len(str(told)), len(told.reason)) == (512, 512)
