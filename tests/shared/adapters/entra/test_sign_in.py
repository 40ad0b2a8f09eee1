"""Signing one application in."""

from typing import Any

import pytest
import requests

from shared.domain.errors import SignInRefused, TryLater


def test_a_wrong_secret_is_refused(real: Any) -> None:
    """Entra's refusal comes with its code, what to do, and no secret anywhere in it."""
    entra, app = real(secret="r2")
    with pytest.raises(SignInRefused) as caught:
        entra.token(app)
    assert caught.value.reason == "AADSTS7000215"
    assert "not its id" in caught.value.mend
    assert caught.value.token_request["status"] == 401
    assert "newer" not in f"{caught.value} {caught.value.token_request}"


def test_an_unknown_tenant_is_refused(real: Any) -> None:
    """A tenant that does not exist is refused by discovery already, with the same code as a token request."""
    entra, app = real(tenant="1f6a0000-0000-4000-8000-0000000000ff")
    with pytest.raises(SignInRefused) as caught:
        entra.token(app)
    assert caught.value.reason == "AADSTS90002"
    assert caught.value.token_request["response"]["error"] == "invalid_request"


@pytest.mark.parametrize("code", [503, 429])
def test_a_busy_entra_is_try_later(trusted: Any, real: Any, code: int) -> None:
    """Outage and throttling say how long to wait."""
    entra, app = real()
    trusted.m365.faults(token_error={"count": 1, "code": code})
    with pytest.raises(TryLater) as caught:
        entra.token(app)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 1


def test_an_unreachable_entra_is_try_later(office: Any, app: Any) -> None:
    """Without any answer the sign-in is TryLater, and the cause is kept."""

    def fail() -> Any:
        raise requests.ConnectionError

    office.authority.reply = fail
    with pytest.raises(TryLater) as caught:
        office.entra.token(app)
    assert isinstance(caught.value.__cause__, requests.ConnectionError)
