"""
Signs applications in, and keeps their tokens.

Whoever finds a good token takes no lock. One thread per application renews; it begins five minutes ahead, while the
others go on with the token that is still good, and a renewal that fails then is nobody's trouble. Without a good token
all wait for the one request, and share its outcome, be it a token or a refusal.
"""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from shared.adapters.entra.http import Transport, session
from shared.domain.clouds import ENDPOINTS, Cloud
from shared.domain.errors import RelayError, TryLater
from shared.domain.oauth2 import OAuth2App
from shared.patience import holding
from shared.ports.machine import Clock
from shared.ports.microsoft365 import AppCheck
from shared.ports.vault import Vault

if TYPE_CHECKING:
    from shared.adapters.entra.sign_in import Granted, SignIn

_AHEAD = timedelta(minutes=5)
_AFTER_A_FAILED_RENEWAL = timedelta(seconds=30)
# Threads that are refused together would otherwise each drop the token that the first of them has just renewed.
_TOO_YOUNG_TO_DROP = timedelta(seconds=10)

_Revision = tuple[str, str, str, Cloud]


@dataclass(frozen=True, slots=True)
class _Held:
    value: str
    obtained: datetime
    refresh: datetime
    expires: datetime


@dataclass(slots=True)
class _Seat:
    """What is known of one revision of an application; only who holds `lock` writes."""

    revision: _Revision
    lock: Lock = field(default_factory=Lock)
    held: _Held | None = None
    sign_in: "SignIn | None" = None
    asked: int = 0
    failure: RelayError | None = None
    quiet_until: datetime | None = None


class Entra:
    """Keeps one token per application; `login_url`, where given, stands for every cloud's own."""

    def __init__(
        self,
        secrets: Vault,
        clock: Clock,
        *,
        login_url: str | None = None,
        timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._login_url = login_url
        self._timeout = timeout
        self._session = session()
        self._seats: dict[str, _Seat] = {}

    def token(self, app: OAuth2App) -> str:
        """Returns an access token for Graph, from memory while one is good."""
        seat = self._seat(app)
        held = seat.held
        now = self._clock.now()
        if held is None or now >= held.expires:
            return self._wait_for(seat, app)
        if now >= held.refresh and seat.lock.acquire(blocking=False):
            try:
                self._renew_early(seat, app, held)
            finally:
                seat.lock.release()
        return (seat.held or held).value

    def forget(self, app: OAuth2App) -> None:
        """Drops the token in memory, unless it has only just come."""
        seat = self._seat(app)
        with holding(seat.lock, "Entra ID"):
            if seat.held is not None and self._clock.now() - seat.held.obtained >= _TOO_YOUNG_TO_DROP:
                # MSAL keeps the token as well, and both of its applications' caches end with it.
                seat.held = seat.sign_in = None

    def inspect(self, app: OAuth2App) -> AppCheck:
        """Signs in anew, past every cache, and returns what the token holds."""
        return AppCheck(roles=_roles(self._sign_in(app).ask(_scope(app)).value))

    def _seat(self, app: OAuth2App) -> _Seat:
        revision = (app.client_id, app.tenant, app.revision, app.cloud)
        seat = self._seats.get(app.id)
        if seat is None or seat.revision != revision:
            seat = self._seats[app.id] = _Seat(revision)
        return seat

    def _wait_for(self, seat: _Seat, app: OAuth2App) -> str:
        asked_before = seat.asked
        with holding(seat.lock, "Entra ID"):
            now = self._clock.now()
            if seat.held is not None and now < seat.held.expires:
                return seat.held.value
            shared = seat.asked != asked_before or (seat.quiet_until is not None and now < seat.quiet_until)
            if shared and seat.failure is not None:
                raise seat.failure
            return self._ask(seat, app).value

    def _renew_early(self, seat: _Seat, app: OAuth2App, held: _Held) -> None:
        if seat.held is not held:
            return
        try:
            self._ask(seat, app)
        except RelayError:
            later = self._clock.now() + _AFTER_A_FAILED_RENEWAL
            seat.held = _Held(held.value, held.obtained, later, held.expires)

    def _ask(self, seat: _Seat, app: OAuth2App) -> _Held:
        try:
            seat.sign_in = seat.sign_in or self._sign_in(app)
            granted = seat.sign_in.ask(_scope(app))
        except RelayError as refused:
            seat.sign_in = None
            seat.failure = refused
            wait = refused.retry_after if isinstance(refused, TryLater) else None
            seat.quiet_until = self._clock.now() + wait if wait else None
            raise
        finally:
            seat.asked += 1
        seat.failure = seat.quiet_until = None
        seat.held = _held(granted, self._clock.now())
        return seat.held

    def _sign_in(self, app: OAuth2App) -> "SignIn":
        # MSAL costs a cold start a tenth of a second, which Graph's handshake need not wait for.
        from shared.adapters.entra.sign_in import SignIn  # noqa: PLC0415  see the line above

        login_url = self._login_url or ENDPOINTS[app.cloud].login_url
        return SignIn(app, self._secrets, self._clock, Transport(self._session, self._timeout), login_url)


def _scope(app: OAuth2App) -> str:
    # Graph's name, not its address: a token is for Graph by whatever way it is reached.
    # https://learn.microsoft.com/entra/identity-platform/scopes-oidc#the-default-scope
    return f"{ENDPOINTS[app.cloud].graph_url}/.default"


def _held(granted: "Granted", now: datetime) -> _Held:
    ahead = granted.lifetime - min(_AHEAD, granted.lifetime / 2)
    wanted = ahead if granted.refresh is None else min(ahead, granted.refresh)
    return _Held(granted.value, now, now + wanted, now + granted.lifetime)


def _roles(token: str) -> tuple[str, ...]:
    """Returns the application permissions inside *token*, without checking its signature: it only explains."""
    try:
        payload = token.split(".")[1]
        claims: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return tuple(claims.get("roles", ()))
    except (IndexError, ValueError, AttributeError):
        # Graph's tokens are Graph's business: one that is not a JWT is no fault of the application.
        return ()
