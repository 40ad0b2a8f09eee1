"""
Standings: how an account stands, written in its row and told to the customer.

Whoever opens mailboxes tells it here: that a mailbox works, that a human must mend something, or that it must wait. An
event is queued before the row that it is about is written, so a crash in between has it said again, under the same id.
An account that does not work has one chain of attempts, which its row names.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.accounts import Account, AccountState, Claim, LastError
from shared.domain.changes import AccountEvent, ChangeBatch, account_event
from shared.domain.errors import Changed, MailboxRefused, NoRoom, SignInRefused, TryLater
from shared.domain.events import EventName
from shared.domain.jobs import Job, JobKind
from shared.group_commit import GroupCommit, as_commit
from shared.ports.machine import Machine
from shared.ports.queues import ChangeQueue, JobQueue
from shared.ports.records import Stored
from shared.ports.state import AccountStore

_BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900, 3600))
# A permission granted in Entra or Exchange takes up to two hours to work; after a refusal we ask once an hour.
_REFUSED_WAIT = timedelta(hours=1)
_FIRST_REFUSALS = (timedelta(seconds=30), timedelta(minutes=2))
# So many events of accounts fit a message.
_FULL = 100


@dataclass(frozen=True)
class Standings:
    """Writes and tells how accounts stand."""

    accounts: AccountStore
    announcements: GroupCommit[AccountEvent, None]
    jobs: JobQueue
    machine: Machine

    def added(self, account: Account) -> None:
        """Tells that the account was registered."""
        version, data = account.incarnation, {"account": account.id}
        self._announce(_said(account, EventName.ACCOUNT_ADDED, version, account.created, data))

    def works(self, stored: Stored[Account], *, polling: bool = False, **changes: Any) -> None:
        """Tells that the account works, where that is news, and writes that it is connected."""
        account = stored.value
        # The same moment whoever tells it, and none of those that `notifyFrom` went back to.
        at = (
            self.machine.clock.now()
            if account.initialized
            else max(account.watched_since or account.created, account.created)
        )
        mended = account.last_error is not None and account.last_error.permanent
        said = []
        if not account.initialized or mended:
            version = f"{account.incarnation}/{account.error_count}"
            data: dict[str, Any] = {"user": account.user}
            said.append(_said(account, EventName.AUTHENTICATION_SUCCESS, version, at, data))
        if not account.initialized:
            data = {"initialized": True}
            said.append(_said(account, EventName.ACCOUNT_INITIALIZED, account.incarnation, at, data))
        self._announce(*said)
        self.write(
            stored,
            AccountState.CONNECTED,
            polling=polling,
            initialized=True,
            former_subscriptions=(),
            **{"last_error": None, **changes},
        )

    def refused(self, stored: Stored[Account], refusal: SignInRefused | MailboxRefused) -> None:
        """Tells a refusal that a human must mend, once per reason, and asks again by itself once an hour."""
        account = stored.value
        if account.attempts < len(_FIRST_REFUSALS) and isinstance(refusal, MailboxRefused):
            # Consent takes minutes to reach Exchange: https://learn.microsoft.com/graph/auth-limit-mailbox-access
            wait = _FIRST_REFUSALS[account.attempts]
            self._fail(stored, AccountState.CONNECT_ERROR, error_of(refusal, permanent=False), wait)
            return
        error, count = error_of(refusal, permanent=True), account.error_count
        told = account.last_error is not None and account.last_error.permanent and account.last_error.code == error.code
        if not told:
            count += 1
            data: dict[str, Any] = {"response": error.response, "serverResponseCode": error.code}
            if error.token_request:
                data["tokenRequest"] = error.token_request
            version = f"{account.incarnation}/{count}"
            self._announce(_said(account, EventName.AUTHENTICATION_ERROR, version, self.machine.clock.now(), data))
        self._fail(stored, AccountState.AUTHENTICATION_ERROR, error, _REFUSED_WAIT, error_count=count)

    def postponed(self, stored: Stored[Account], busy: TryLater, *, claim: Claim | None = None) -> None:
        """Writes that the account must wait, and tries again ever more slowly; *claim* is what stays of it."""
        wait = self.backoff(stored.value)
        if busy.retry_after is not None:
            wait = max(wait, min(busy.retry_after, _BACKOFF[-1]))
        error = LastError(response=str(busy), code=busy.reason, description=busy.mend)
        self._fail(stored, AccountState.CONNECT_ERROR, error, wait, claim=claim)

    def backoff(self, account: Account) -> timedelta:
        """Returns how long the account waits after the attempts that have failed."""
        return _BACKOFF[min(account.attempts, len(_BACKOFF) - 1)]

    def try_again(self, account: Account, wait: timedelta) -> datetime:
        """Queues the next attempt and returns its moment, which the row must name."""
        wait *= 1 + 0.2 * self.machine.randomness.fraction()
        at = self.machine.clock.now() + wait
        # The job comes before the row: a crash in between repeats it, and the other order could lose it.
        self.jobs.put(Job(kind=JobKind.RECONNECT, account=account.key, incarnation=account.incarnation, at=at), wait)
        return at

    def write(self, stored: Stored[Account], state: str, **changes: Any) -> None:
        """
        Writes what an attempt came to; what the API changed meanwhile stays, while the claim is still ours.

        Raises Changed where the account is another one now.
        """
        ours = stored.value
        changes = {"claim": None, "updated": self.machine.clock.now(), **changes}
        while True:
            try:
                self.accounts.replace(stored.value.become(state, **changes), stored.etag)
            except Changed:
                current = self.accounts.get(ours.key)
                if current is None or current.value.claim != ours.claim or not is_wanted(current.value, ours):
                    raise
                if not current.value.can_become(state):
                    raise
                stored = current
            else:
                return

    def _fail(
        self, stored: Stored[Account], state: AccountState, error: LastError, wait: timedelta, **changes: Any
    ) -> None:
        account = stored.value
        # While a human must still mend something, a hiccup on top of it changes nothing about that.
        if state is AccountState.CONNECT_ERROR and account.last_error is not None and account.last_error.permanent:
            state, error = AccountState.AUTHENTICATION_ERROR, account.last_error
        at = self.try_again(account, wait)
        attempts = account.attempts + 1
        self.write(stored, state, last_error=error, next_attempt=at, attempts=attempts, polling=False, **changes)
        self.machine.log.problem(
            "account.failed",
            account=account.id,
            correlation=account.incarnation,
            state=state,
            code=error.code,
            error=error.response,
            again=at,
        )

    def _announce(self, *said: AccountEvent) -> None:
        self.announcements.submit(said).result()


def announcing(queue: ChangeQueue, *, pace: float = 0.0) -> GroupCommit[AccountEvent, None]:
    """Returns the group commit that puts on *queue* what is told of accounts: an import's share a message."""
    tell = as_commit(lambda said: queue.put(ChangeBatch(account_events=tuple(said))))
    return GroupCommit(tell, full=_FULL, pace=pace, name="announce")


def is_pointless(account: Account, job: Job, *, done: bool) -> bool:
    """Tells whether a job that connects has nothing to do: it is *done*, or a later attempt took its place."""
    if account.state is AccountState.DELETED or (done and job.kind is JobKind.CONNECT):
        return True
    # One account has one chain of attempts.
    return job.at is not None and job.at != account.next_attempt


def is_wanted(current: Account, begun: Account) -> bool:
    """Tells whether the account as it is now still wants what was *begun* for it."""
    if current.state is AccountState.DELETED:
        return False
    return (current.incarnation, current.access) == (begun.incarnation, begun.access)


def error_of(refusal: SignInRefused | MailboxRefused | NoRoom, *, permanent: bool) -> LastError:
    """Returns a refusal as the account's row tells it."""
    token_request = refusal.token_request if isinstance(refusal, SignInRefused) else None
    return LastError(
        response=str(refusal),
        code=refusal.reason,
        description=refusal.mend,
        token_request=token_request or None,
        permanent=permanent,
    )


def _said(account: Account, event: EventName, version: str, at: datetime, data: dict[str, Any]) -> AccountEvent:
    """Returns an event of an account whose row was read just now."""
    said = account_event(account, event, version, at, data)
    return said if account.webhooks else said.model_copy(update={"default_webhook": True})
