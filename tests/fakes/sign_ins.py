"""Sign-ins in memory: a user comes back with what `answer` returns, as from the pages of Entra ID."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import urlencode

from shared.domain.errors import SignInCancelled, SignInRefused, TryLater
from shared.domain.oauth2 import OAuth2App
from shared.domain.scopes import mail_scopes
from shared.ports.machine import Clock
from shared.ports.sign_ins import Begun, SignedIn

TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"


class FakeSignIns:
    """
    Signs users in; `people` holds who they are, by name.

    `busy` has it fail for now, `wrong` for the application, and `withheld` are scopes that are not granted.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = count(1)
        self._codes: dict[str, tuple[str, str]] = {}
        self.people: dict[str, dict[str, str]] = {}
        self.busy: TryLater | None = None
        self.wrong: SignInRefused | None = None
        self.withheld: set[str] = set()

    def begin(self, app: OAuth2App, redirect_url: str, *, state: str, login_hint: str | None) -> Begun:
        """Return a link that names its verifier only by number."""
        number = next(self._numbers)
        query = urlencode({"client_id": app.client_id, "state": state, "challenge": number, "hint": login_hint or ""})
        flow = {"state": state, "code_verifier": f"verifier-of-{number}", "challenge": number}
        return Begun(url=f"https://login.example.com/authorize?{query}", flow=flow)

    def answer(self, begun: Begun, user: str, *, accepts: bool = True) -> dict[str, str]:
        """Return what the browser of a user brings back."""
        state = begun.flow["state"]
        if not accepts:
            return {"error": "access_denied", "error_description": "AADSTS65004: User declined.", "state": state}
        code = f"code-{next(self._numbers)}"
        self._codes[code] = (user, begun.flow["code_verifier"])
        return {"code": code, "state": state}

    def finish(self, app: OAuth2App, flow: Mapping[str, Any], answer: Mapping[str, str]) -> SignedIn:
        """Redeem the code, once."""
        if answer.get("state") != flow["state"]:
            raise SignInRefused("Another sign-in's.", reason="StateMismatch", mend="Begin again.")
        if "code" not in answer:
            raise SignInCancelled(answer["error_description"], reason="AADSTS65004", mend="Sign in again.")
        if self.busy is not None:
            raise self.busy
        if self.wrong is not None:
            raise self.wrong
        user, verifier = self._codes.pop(answer["code"], ("", ""))
        if verifier != flow["code_verifier"]:
            raise SignInRefused("The code is not good.", reason="AADSTS54005", mend="Begin again.")
        number, person = next(self._numbers), self.people.get(user, {})
        return SignedIn(
            tenant=person.get("tenant", TENANT),
            user=person.get("id", f"id-of-{user}"),
            username=user,
            name=person.get("name", user.partition("@")[0].title()),
            email=person.get("email"),
            access_token=f"access-of-{user}-{number}",
            refresh_token=f"refresh-of-{user}-{number}",
            expires=self._clock.now() + timedelta(hours=1),
            scopes=tuple(s for s in mail_scopes(app) if s.rpartition("/")[2] not in self.withheld),
        )
