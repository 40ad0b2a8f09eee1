"""One user's sign-in where Entra ID answers what it should not."""

from typing import Any

import pytest
import requests

from shared.adapters.entra import delegation
from shared.adapters.entra.conversation import Conversation
from shared.adapters.entra.delegation import Delegation
from shared.adapters.entra.http import Transport
from shared.domain.errors import SignInRefused, TryLater
from tests.factories import an_outlook_app
from tests.shared.adapters.entra.conftest import NOW, MovedClock, Secrets

FLOW = {"state": "s", "scope": [], "redirect_uri": "https://relay.example.com/oauth", "code_verifier": "v"}
ANSWER = {"state": "s", "code": "c"}
GOT = {"access_token": "a", "refresh_token": "r", "expires_in": 3599, "scope": "x", "id_token": "good"}
CLAIMS = {"tid": "t", "oid": "o", "preferred_username": "anna@contoso.com"}


class Msal:
    """Answers as it is told."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def acquire_token_by_auth_code_flow(self, flow: Any, answer: Any, scopes: Any) -> Any:
        """Return the answer, or raise it."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Keys(Transport):
    """Tells where the keys are, or does not."""

    def __init__(self, *, down: bool = False) -> None:
        super().__init__(requests.Session(), NOW - NOW.replace(hour=0))
        self.down = down

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        """Answer with an empty object."""
        made = requests.Response()
        made.status_code = 503 if self.down else 200
        made._content = b"{}"
        return made


@pytest.fixture
def finish(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what ends a sign-in with MSAL's answer and these claims."""

    def run(got: Any, claims: Any = None, *, down: bool = False) -> Any:
        if claims is not None:
            monkeypatch.setattr(delegation, "verified", lambda token, **rest: claims)
        made = Conversation(an_outlook_app(), Secrets(), MovedClock(), Keys(down=down), "https://login.example.com")
        monkeypatch.setattr(made, "msal", lambda: Msal(got))
        return Delegation(made).finish(FLOW, ANSWER)

    return run


def test_a_sign_in_brings_what_was_told(finish: Any) -> None:
    """Names that Entra ID does not tell are absent, what it tells is kept as it is."""
    signed_in = finish(GOT, CLAIMS)
    assert (signed_in.name, signed_in.email, signed_in.scopes) == (None, None, ("x",))
    assert (signed_in.expires - NOW).total_seconds() == 3599


def test_an_id_token_that_proves_nothing_ends_the_sign_in(finish: Any) -> None:
    """A forged or missing id token, one without the names, and one of another nonce sign nobody in."""
    nonce = RuntimeError("The nonce in id token should match our nonce")
    without = {name: value for name, value in CLAIMS.items() if name != "oid"}
    for got, claims in ((GOT, None), ({**GOT, "id_token": ""}, None), (GOT, without), (nonce, CLAIMS)):
        with pytest.raises(SignInRefused) as refused:
            finish(got, claims)
        assert refused.value.reason == "IdTokenInvalid"
        assert "nonce in id token" not in str(refused.value)


def test_keys_that_cannot_be_read_are_try_later(finish: Any) -> None:
    """Without Entra's keys nobody is signed in, and nobody is refused."""
    with pytest.raises(TryLater):
        finish(GOT, CLAIMS, down=True)


def test_who_comes_back_with_nothing_is_refused() -> None:
    """An answer with neither a code nor an error is one all the same."""
    made = Conversation(an_outlook_app(), Secrets(), MovedClock(), Keys(), "https://login.example.com")
    with pytest.raises(SignInRefused) as refused:
        Delegation(made).finish(FLOW, {"state": "s"})
    assert refused.value.reason == "NoCode"
