"""What Entra ID's refusals mean."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.entra.errors import MEND, PASSING, SETTLING, read_refusal, refusal
from shared.domain.errors import RelayError, SignInRefused, TryLater
from shared.domain.oauth2 import OAuth2App

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
SCOPE = "https://graph.microsoft.com/.default"


def read(app: OAuth2App, error: str, code: int | None, *, status: int = 400, said: str = "No.") -> RelayError:
    """Read one refusal."""
    body: dict[str, Any] = {"error": error, "error_description": said}
    if code:
        body |= {"error_codes": [code], "error_description": f"AADSTS{code}: {said} Trace ID: 7a0c Timestamp: x"}
    found = refusal("https://login/t/oauth2/v2.0/token", [SCOPE], status, body, retry_after=timedelta(seconds=5))
    return read_refusal(found, app, NOW)


def test_the_tables_do_not_contradict_each_other() -> None:
    """A number is permanent or passing, not both; what settles is permanent once it has had its time."""
    assert PASSING.isdisjoint(MEND)
    assert MEND.keys() >= SETTLING


@pytest.mark.parametrize("code", sorted(MEND))
def test_what_a_human_must_mend_says_how(app: OAuth2App, code: int) -> None:
    """Each permanent refusal has Entra's code as its reason, its sentence without trace ids, and what to do."""
    error = read(app, "invalid_client", code)
    assert isinstance(error, SignInRefused)
    assert error.reason == f"AADSTS{code}"
    assert str(error) == f"AADSTS{code}: No."
    assert error.mend == MEND[code]


def test_the_token_request_is_told_without_its_secret(app: OAuth2App) -> None:
    """What was asked and answered is kept in EmailEngine's words, for whoever looks for the cause."""
    error = read(app, "invalid_client", 7000215, status=401)
    assert isinstance(error, SignInRefused)
    assert error.token_request == {
        "url": "https://login/t/oauth2/v2.0/token",
        "method": "POST",
        "authority": app.tenant,
        "grant": "client_credentials",
        "provider": "outlookService",
        "status": 401,
        "clientId": app.client_id,
        "scopes": [SCOPE],
        "response": {"error": "invalid_client", "error_description": "AADSTS7000215: No. Trace ID: 7a0c Timestamp: x"},
    }


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        *[("invalid_request", code, 400) for code in sorted(PASSING)],
        ("temporarily_unavailable", None, 400),
        ("invalid_client", 7000215, 429),
        ("", None, 502),
        ("something_new", 1234567, 400),
    ],
)
def test_what_passes_is_try_later(app: OAuth2App, error: str, code: int | None, status: int) -> None:
    """Throttling, outages and what nobody has heard of are TryLater, after the wait that Entra asks for."""
    found = read(app, error, code, status=status)
    assert isinstance(found, TryLater)
    assert found.retry_after == timedelta(seconds=5)


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client", "invalid_request"])
def test_an_unknown_number_is_judged_by_its_error(app: OAuth2App, error: str) -> None:
    """A number that no table knows is permanent where its OAuth error is, and Entra's own sentence says what to do."""
    found = read(app, error, 1234567, said="The reason is new.")
    assert isinstance(found, SignInRefused)
    assert found.reason == "AADSTS1234567"
    assert "The reason is new." in found.mend


@pytest.mark.parametrize("code", sorted(SETTLING))
def test_what_was_just_created_may_take_minutes(app: OAuth2App, code: int) -> None:
    """In an application's first ten minutes a credential that Entra does not know yet is TryLater, and no refusal."""
    young = app.model_copy(update={"updated": NOW - timedelta(minutes=9)})
    assert isinstance(read(young, "invalid_client", code), TryLater)
    assert isinstance(read(young, "invalid_client", 7000215), SignInRefused)


def test_a_number_is_found_in_the_sentence_too() -> None:
    """Where the list of codes is absent, the sentence's own number counts."""
    found = refusal("u", [SCOPE], 400, {"error": "invalid_request", "error_description": "AADSTS90002: Tenant 'x'."})
    assert found.codes == (90002,)
