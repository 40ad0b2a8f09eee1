"""
Notifications: Graph's word becomes queue messages, and nothing else happens here.

Graph drops what slow endpoints miss, so this path reads no table and no vault and asks Graph nothing: a client state
proves itself. Requests that arrive while one put is under way share the next (group commit), and each is answered after
its own items are stored.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.changes import Change, ChangeBatch, ChangeKind
from shared.domain.client_state import ClientStates
from shared.domain.errors import TryLater
from shared.domain.jobs import Job, JobKind
from shared.domain.notifications import Notification, read_envelope
from shared.group_commit import GroupCommit, as_commit
from shared.ports.machine import Machine
from shared.ports.queues import ChangeQueue, JobQueue
from shared.services.crowds import Crowds

# Graph knows no moves: one comes as a deletion and an arrival.
_KINDS = {kind.value: kind for kind in (ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DELETED)}
# https://learn.microsoft.com/graph/change-notifications-lifecycle-events
_LIFECYCLE_JOBS = {
    "reauthorizationRequired": JobKind.REAUTHORIZE,
    "subscriptionRemoved": JobKind.RECREATE,
    "missed": JobKind.CATCH_UP,
}
# One put carries at most about 48 KiB, which is some 150 changes; more than one message a put gains nothing.
_FULL = 150
# Under load a put every 100 ms carries many notifications; at rest none waits.
_PACE = 0.1
# A put that hangs holds up those that gathered behind it only until they are a full message.
_LANES = 4
# Graph takes an endpoint for slow that needs 3 seconds for more than one answer in ten, and holds everything back for
# 10 minutes. It comes again after a refusal as after a silence, so a refusal in time costs nothing.
# https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#throttling
_PROMPT = timedelta(seconds=2)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Notifications:
    """Takes in what Graph posts; what is not stored within `prompt` is refused, and Graph comes again."""

    client_states: ClientStates
    changes: GroupCommit[Change, None]
    jobs: JobQueue
    crowds: Crowds
    machine: Machine
    prompt: timedelta = _PROMPT

    async def accept(self, body: bytes) -> int:
        """
        Queues a change for every item that is really ours and returns how many there were.

        Forged, foreign and unknown items are counted and skipped, not refused: Graph would resend the whole batch. A
        batch that repeats itself is queued once. Raises InvalidRequest for what is no envelope, and TryLater where the
        queue did not take it, or not in time: then it may be stored all the same, and its repetition is a duplicate.
        """
        notifications = read_envelope(body)
        now, correlation = self.machine.clock.now(), self.machine.randomness.nonce()
        ours: dict[tuple[str, str, str], Change] = {}
        skipped = 0
        for notification in notifications:
            account = self.client_states.account_of(notification.client_state)
            kind = _KINDS.get(notification.change or "")
            if account is None or kind is None or notification.message is None:
                skipped += 1
                continue
            change = Change.model_construct(
                account=account,
                kind=kind,
                message=notification.message,
                seen=now,
                looks=0,
                tries=0,
                found=False,
                crowded=False,
                correlation=correlation,
            )
            ours[account, kind, notification.message] = change
        async with self._promptly():
            await asyncio.wrap_future(self.changes.submit(self.crowds.mark(ours.values(), now)))
        self.machine.log.event(
            "notifications.accepted",
            items=len(notifications),
            queued=len(ours),
            skipped=skipped,
            correlation=correlation,
            milliseconds=(self.machine.clock.now() - now) // _MILLISECOND,
        )
        return len(ours)

    async def accept_lifecycle(self, body: bytes) -> int:
        """Queues a job for every lifecycle event that is really ours and returns how many there were."""
        notifications = read_envelope(body)
        began = self.machine.clock.now()
        wanted = {job for notification in notifications if (job := self._job(notification)) is not None}
        async with self._promptly():
            for job in wanted:
                await asyncio.to_thread(self.jobs.put, job, timedelta())
        self.machine.log.event(
            "lifecycle.accepted",
            items=len(notifications),
            queued=len(wanted),
            milliseconds=(self.machine.clock.now() - began) // _MILLISECOND,
        )
        return len(wanted)

    @asynccontextmanager
    async def _promptly(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.prompt.total_seconds()):
                yield
        except TimeoutError:
            self.machine.log.problem("notifications.late", waited=self.prompt.total_seconds())
            raise TryLater("The queue did not take it in time.") from None
        except TryLater as busy:
            self.machine.log.problem("notifications.refused", error=str(busy))
            raise

    def _job(self, notification: Notification) -> Job | None:
        account = self.client_states.account_of(notification.client_state)
        kind = _LIFECYCLE_JOBS.get(notification.lifecycle or "")
        if account is None or kind is None:
            return None
        return Job(kind=kind, account=account, subscription=notification.subscription)


def gather(queue: ChangeQueue) -> GroupCommit[Change, None]:
    """Returns the group commit that puts changes on *queue*."""

    def put(changes: Sequence[Change]) -> None:
        queue.put(ChangeBatch.model_construct(v=1, changes=tuple(changes), account_events=(), instance_events=()))

    return GroupCommit(as_commit(put), full=_FULL, lanes=_LANES, pace=_PACE, name="put-changes")
