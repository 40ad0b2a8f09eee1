"""Sign-ins in memory: `visit` is the user's way through Microsoft's pages, and back with a code."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from shared.domain.errors import GrantRefused, SignInCancelled, SignInRefused
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Clock
from shared.ports.sign_ins import Begun, SignedIn
from tests.fakes.clock import START

SIGNED_IN = SignedIn(
    tenant="tenant",
    user="anna",
    username="anna@contoso.com",
    name="Anna Kask",
    email=None,
    access_token="access-of-anna",
    refresh_token="refresh-of-anna",
    expires=START,
    scopes=("https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send"),
)


class FakeSignIns:
    """
    Has users sign in: `user` is who will, and `fails` what happens instead.

    `refused` holds refresh tokens that Entra takes no more, and `begun` what was asked for.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = count(1)
        self._codes: dict[str, tuple[str, SignedIn]] = {}
        self.user = SIGNED_IN
        self.fails: Exception | None = None
        self.refused: set[str] = set()
        self.begun: list[dict[str, Any]] = []

    def begin(self, app: OAuth2App, redirect_url: str, *, state: str, login_hint: str | None) -> Begun:
        """Return a link that names its verifier only by number."""
        self._fail()
        number = next(self._numbers)
        self.begun.append({"redirect_url": redirect_url, "login_hint": login_hint})
        query = urlencode({"client_id": app.client_id, "state": state, "challenge": number})
        flow = {"state": state, "code_verifier": f"verifier-of-{number}"}
        return Begun(url=f"https://login.example.com/authorize?{query}", flow=flow)

    def visit(self, url: str, *, accepts: bool = True) -> dict[str, str]:
        """Return what the user's browser brings back from a link."""
        asked = parse_qs(urlsplit(url).query)
        state = asked["state"][0]
        if not accepts:
            return {"error": "access_denied", "error_description": "AADSTS65004: User declined.", "state": state}
        code = f"code-{next(self._numbers)}"
        self._codes[code] = (f"verifier-of-{asked['challenge'][0]}", self.user)
        return {"code": code, "state": state}

    def finish(self, app: OAuth2App, flow: Mapping[str, Any], answer: Mapping[str, str]) -> SignedIn:
        """Redeem the code, once."""
        if answer.get("state") != flow["state"]:
            raise SignInRefused("Another sign-in's.", reason="StateMismatch", mend="Begin again.")
        if "code" not in answer:
            raise SignInCancelled("The user declined.", reason="AADSTS65004", mend="Sign in again.")
        self._fail()
        verifier, user = self._codes.pop(answer["code"], ("", self.user))
        if verifier != flow["code_verifier"]:
            raise SignInRefused("The code is not good.", reason="AADSTS54005", mend="Begin again.")
        return self._fresh(user)

    def adopt(self, app: OAuth2App, refresh_token: str) -> SignedIn:
        """Take over a sign-in, which is the user's."""
        self._fail()
        if refresh_token in self.refused:
            raise GrantRefused("The grant has expired.", reason="AADSTS700082", mend="Sign in again.")
        return replace(self._fresh(self.user), refresh_token=refresh_token)

    def _fail(self) -> None:
        if self.fails is not None:
            raise self.fails

    def _fresh(self, user: SignedIn) -> SignedIn:
        return replace(user, expires=self._clock.now() + timedelta(hours=1))
