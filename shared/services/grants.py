"""
Grants: one sign-in, kept once, and the access tokens that it brings.

Refresh tokens live in the vault. Entra ID does not revoke one by its use, and each lives for 90 days
(https://learn.microsoft.com/entra/identity-platform/refresh-tokens), so two processes may refresh at once, a rotated
token is kept at most once a day, and what a crash loses is replaced by the next refresh. A grant that is refused says
so in its row, which every account of it finds; signing in again renews it for all of them.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from shared.domain.accounts import LastError
from shared.domain.errors import Changed, GrantRefused, NotFound, SignInRefused, TryLater
from shared.domain.grants import Grant, GrantState, grant_id
from shared.domain.jobs import Job, JobKind
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Machine
from shared.ports.queues import JobQueue
from shared.ports.records import Stored
from shared.ports.sign_ins import GrantTokens, Refreshed, SignedIn
from shared.ports.state import GrantStore
from shared.ports.vault import Vault
from shared.services.lookups import Lookup

_KEPT_AT_LEAST = timedelta(days=1)
# A token is renewed when a fifth of its life is left, and mail servers end sessions whose token ends.
_RENEWED_AT = 0.8
_RENEW_AGAIN = timedelta(seconds=30)
_MEND = "Let the user sign in again, through POST /v1/authentication/form; all their accounts recover then."


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token for mail servers, the user that it stands for, and its end."""

    value: str = field(repr=False)
    username: str
    expires: datetime
    revision: str


@dataclass(slots=True)
class _Seat:
    lock: Lock = field(default_factory=Lock)
    held: AccessToken | None = None
    renew: datetime | None = None


class Grants:
    """Keeps grants and their tokens; one request refreshes for all threads that ask at the same time."""

    def __init__(
        self,
        *,
        store: GrantStore,
        apps: Lookup[Stored[OAuth2App] | None],
        tokens: GrantTokens,
        vault: Vault,
        jobs: JobQueue,
        machine: Machine,
    ) -> None:
        self._store = store
        self._apps = apps
        self._tokens = tokens
        self._vault = vault
        self._jobs = jobs
        self._machine = machine
        self._seats: dict[str, _Seat] = {}

    def token(self, grant: str) -> AccessToken:
        """
        Returns an access token of the grant, from memory while one is good.

        Raises GrantRefused where the user must sign in again, SignInRefused where the application is at fault, and
        TryLater.
        """
        seat = self._seats.setdefault(grant, _Seat())
        held, now = seat.held, self._machine.clock.now()
        if held is not None and now < held.expires and (seat.renew is None or now < seat.renew):
            return held
        with seat.lock:
            held, now = seat.held, self._machine.clock.now()
            if held is not None and now < held.expires and (seat.renew is None or now < seat.renew):
                return held
            try:
                seat.held = self._fresh(grant)
            except (TryLater, GrantRefused):
                # What is good is used to its end; whether the refusal stands, the next refresh tells.
                if held is None or now >= held.expires:
                    seat.held = None
                    raise
                seat.renew = now + _RENEW_AGAIN
                return held
            seat.renew = now + (seat.held.expires - now) * _RENEWED_AT
            return seat.held

    def forget(self, grant: str, token: AccessToken) -> None:
        """Drops *token* from memory, for one that a mail server refuses."""
        seat = self._seats.get(grant)
        if seat is not None and seat.held is token:
            seat.held = None

    def keep(self, app: OAuth2App, signed_in: SignedIn) -> Grant:
        """Keeps what a sign-in brought, as a new grant or in the place of the former; its accounts connect anew."""
        identity = grant_id(app.id, signed_in.tenant, signed_in.user)
        reference = self._vault.put(f"grant-{identity}", signed_in.refresh_token)
        replaced: set[str] = set()
        while True:
            stored, now = self._store.get(identity), self._machine.clock.now()
            replaced |= {stored.value.secret} if stored else set()
            fresh = Grant(
                id=identity,
                app=app.id,
                tenant=signed_in.tenant,
                user=signed_in.user,
                username=signed_in.username,
                name=signed_in.name,
                email=signed_in.email,
                scopes=signed_in.scopes,
                secret=reference,
                revision=self._machine.randomness.nonce(),
                accounts=stored.value.accounts if stored else (),
                kept=now,
                created=stored.value.created if stored else now,
                updated=now,
            )
            grant = stored.value.model_copy(update=dict(fresh)) if stored else fresh
            try:
                kept = self._store.replace(grant, stored.etag) if stored else self._store.insert(grant)
            except Changed:
                continue
            break
        self._seats.pop(identity, None)
        # Not our own: a first try may have written the row, and only its answer was lost.
        for former in replaced - {reference}:
            self._vault.delete(former)
        self._reconnect(kept.value)
        self._machine.log.event("grant.kept", grant=identity, app=app.id, renewed=stored is not None)
        return kept.value

    def attach(self, grant: str, account: str) -> None:
        """
        Hangs the account on the grant, before it has a row; raises GrantRefused where there is no such grant.

        It is written even where it hangs already: what nobody touched for a day, `Leftovers` lets go.
        """
        while True:
            stored = self._existing(grant)
            hung = tuple(dict.fromkeys((*stored.value.accounts, account)))
            attached = stored.value.model_copy(update={"accounts": hung, "updated": self._machine.clock.now()})
            try:
                self._store.replace(attached, stored.etag)
            except Changed:
                continue
            return

    def detach(self, grant: str, account: str, *, seen: datetime) -> None:
        """
        Takes the account off the grant, and removes the grant and its token with its last account.

        One that somebody signed in or hung an account on after *seen* stays as it is: that may be this very account,
        which comes back and has no row yet. If it is not, `Leftovers` lets go.
        """
        while True:
            stored = self._store.get(grant)
            if stored is None or stored.value.updated > seen:
                return
            try:
                self._keep(stored, tuple(each for each in stored.value.accounts if each != account))
            except Changed:
                continue
            return

    def leave(self, seen: Grant, accounts: tuple[str, ...]) -> None:
        """Leaves only these of its accounts on a grant, as `detach` does, where it is still as it was *seen*."""
        stored = self._store.get(seen.id)
        if stored is None or stored.value != seen:
            return
        try:
            self._keep(stored, accounts)
        except Changed:
            return

    def _keep(self, stored: Stored[Grant], accounts: tuple[str, ...]) -> None:
        grant = stored.value
        if accounts:
            self._store.replace(grant.model_copy(update={"accounts": accounts}), stored.etag)
            return
        self._store.delete(grant.id, stored.etag)
        # After the row: a row without its secret would look like a fault, a secret without a row is garbage.
        self._vault.delete(grant.secret)
        self._seats.pop(grant.id, None)
        self._machine.log.event("grant.removed", grant=grant.id, app=grant.app)

    def get(self, grant: str) -> Grant | None:
        """Returns the grant as it is now."""
        stored = self._store.get(grant)
        return stored.value if stored else None

    def _fresh(self, grant: str) -> AccessToken:
        stored = self._existing(grant)
        while True:
            if stored.value.state is GrantState.REFUSED and stored.value.refusal is not None:
                raise _refusal(stored.value.refusal)
            app = self._apps.get(stored.value.app)
            if app is None:
                raise SignInRefused(
                    f"The OAuth2 application {stored.value.app!r} was deleted.",
                    reason="AppNotFound",
                    mend="Register the application again, and let the user sign in to it.",
                )
            try:
                refreshed = self._tokens.refresh(app.value, self._vault.get(stored.value.secret))
            except (GrantRefused, NotFound) as refused:
                now = self._existing(grant)
                if now.value.secret != stored.value.secret:
                    # The user signed in again, or another process kept a rotated token, while we asked with the old.
                    stored = now
                    continue
                self._refuse(now, _last_error(refused))
                stored = self._existing(grant)
                continue
            self._rotate(stored, refreshed)
            return AccessToken(refreshed.access_token, stored.value.username, refreshed.expires, stored.value.revision)

    def _existing(self, grant: str) -> Stored[Grant]:
        stored = self._store.get(grant)
        if stored is None:
            raise GrantRefused("The user's sign-in was removed.", reason="GrantNotFound", mend=_MEND)
        return stored

    def _rotate(self, stored: Stored[Grant], refreshed: Refreshed) -> None:
        grant, now = stored.value, self._machine.clock.now()
        if refreshed.refresh_token is None or now - grant.kept < _KEPT_AT_LEAST:
            return
        reference = self._vault.put(f"grant-{grant.id}", refreshed.refresh_token)
        try:
            self._store.replace(
                grant.model_copy(update={"secret": reference, "kept": now, "scopes": refreshed.scopes}), stored.etag
            )
        except Changed:
            # Another process kept one at this moment, or an account came or went; there is time until the next. Or it
            # was written, and only the answer was lost.
            current = self._store.get(grant.id)
            written = current is not None and current.value.secret == reference
        else:
            written = True
        self._vault.delete(grant.secret if written else reference)

    def _refuse(self, stored: Stored[Grant], error: LastError) -> None:
        """Tells every account of the grant, then writes the refusal; the other order could leave accounts untold."""
        refused = stored.value.model_copy(
            update={"state": GrantState.REFUSED, "refusal": error, "updated": self._machine.clock.now()}
        )
        self._reconnect(stored.value)
        try:
            self._store.replace(refused, stored.etag)
        except Changed:
            return
        self._machine.log.problem("grant.refused", grant=refused.id, app=refused.app, code=error.code)

    def _reconnect(self, grant: Grant) -> None:
        for account in grant.accounts:
            self._jobs.put(Job(kind=JobKind.RECONNECT, account=account))


def _last_error(refused: GrantRefused | NotFound) -> LastError:
    if isinstance(refused, NotFound):
        return LastError(
            response="The user's refresh token is missing in the vault.",
            code="GrantLost",
            description=_MEND,
            permanent=True,
        )
    return LastError(
        response=str(refused),
        code=refused.reason,
        description=refused.mend,
        token_request=refused.token_request or None,
        permanent=True,
    )


def _refusal(error: LastError) -> GrantRefused:
    return GrantRefused(
        error.response, reason=error.code, mend=error.description or _MEND, token_request=error.token_request
    )
