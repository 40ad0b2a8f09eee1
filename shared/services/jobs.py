"""
Jobs: background work, handed to whoever does it.

A job that cannot be done now is put back and not failed: the host would soon give a failed one up as poison. Jobs that
came in one message are done one after the other; one that fails goes on alone, so that no other is poison with it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from shared.domain.accounts import Account
from shared.domain.errors import Changed, QuotaSpent, TryLater, WorkFailed
from shared.domain.failures import explained
from shared.domain.jobs import Job, JobKind
from shared.domain.sweeps import Looks
from shared.ports.machine import Machine
from shared.ports.queues import JobQueue
from shared.ports.records import Stored
from shared.ports.state import AccountStore
from shared.services.connections import Connections
from shared.services.erasures import Erasures
from shared.services.expiries import Expiries
from shared.services.lookups import Lookup
from shared.services.relocations import Relocations
from shared.services.removals import Removals
from shared.services.renewals import Renewals
from shared.services.replays import Replays
from shared.services.sweeps import Sweeps
from shared.services.timers import Timers
from shared.services.watching import Watching

_OUTAGE_WAIT = timedelta(seconds=60)
_CHANGED_WAIT = timedelta(seconds=2)
# The host ends a function after 10 minutes, and one job waits for Graph for less than one.
_LONGEST_TURN = timedelta(minutes=2)
_KINDS = frozenset(JobKind)
_LOOKS = frozenset({JobKind.SWEEP, JobKind.CATCH_UP})
_MILLISECOND = timedelta(milliseconds=1)

Work = Callable[[Stored[Account], Job], bool | None]


@dataclass(frozen=True)
class Jobs:
    """Carries out jobs."""

    accounts: AccountStore
    account_lookup: Lookup[Stored[Account] | None]
    connections: Connections
    watching: Watching
    renewals: Renewals
    relocations: Relocations
    sweeps: Sweeps
    removals: Removals
    replays: Replays
    expiries: Expiries
    erasures: Erasures
    timers: Timers
    queue: JobQueue
    machine: Machine

    def run_together(self, jobs: Sequence[Job]) -> None:
        """
        Carries out the jobs of one message; those that are not begun within two minutes go back to the queue.

        One that is alone raises WorkFailed where it fails.
        """
        with self._looking() as looks:
            if len(jobs) == 1:
                self._run_alone(jobs[0], looks)
            else:
                self._run_in_turn(jobs, looks)

    def run(self, job: Job) -> None:
        """Carries out *job*; one for a former registration finds nothing to do. Raises WorkFailed."""
        self.run_together([job])

    @contextmanager
    def _looking(self) -> Iterator[Looks]:
        """Has the sweeps of one message end in one line: there are millions of them a day, and most find nothing."""
        began, looks = self.machine.clock.now(), Looks()
        try:
            yield looks
        finally:
            if looks.accounts or looks.failed:
                self.machine.log.event(
                    "sweeps.ended",
                    accounts=looks.accounts,
                    changes=looks.changes,
                    unannounced=looks.unannounced,
                    failed=looks.failed,
                    milliseconds=(self.machine.clock.now() - began) // _MILLISECOND,
                )

    def _run_in_turn(self, jobs: Sequence[Job], looks: Looks) -> None:
        until = self.machine.clock.now() + _LONGEST_TURN
        for number, job in enumerate(jobs):
            if self.machine.clock.now() > until:
                self.queue.put_together(jobs[number:])
                return
            try:
                self._run(job, looks)
            except Exception as problem:  # noqa: BLE001  whatever it is, the host sees it when the job fails alone
                self.machine.log.problem("job.parted", **_trouble(job, None, problem))
                self.queue.put(job)

    def _run_alone(self, job: Job, looks: Looks) -> None:
        try:
            self._run(job, looks)
        except Exception as problem:  # noqa: BLE001  whatever it is, it is told, and fails the message
            self.machine.log.problem("job.failed", **_trouble(job, None, problem))
            raise WorkFailed from None

    def _run(self, job: Job, looks: Looks) -> None:
        began = self.machine.clock.now()
        account = None
        try:
            self.timers.repair()
            stored, links = self._read(job)
            account = stored.value if stored else None
            outcome = self._carry_out(job, stored, self._work(links, looks))
        except Changed:
            # Somebody else works on the same record; look again when he is done.
            self.queue.put(job, _CHANGED_WAIT * (1 + self.machine.randomness.fraction()))
            outcome = "again"
        except QuotaSpent as spent:
            self.queue.put(job, spent.turn)
            outcome = "quota"
        except TryLater as busy:
            self.machine.log.problem("job.postponed", **_trouble(job, account, busy))
            self.queue.put(job, busy.retry_after or _OUTAGE_WAIT)
            return
        finally:
            self.account_lookup.forget(job.account)
        # A sweep that looked is counted in the message's line.
        if job.kind is not JobKind.SWEEP or outcome != "done":
            self.machine.log.event(
                "job.ended",
                kind=job.kind,
                outcome=outcome,
                account=account.id if account else None,
                app=job.app,
                webhook=job.replay.webhook if job.replay else None,
                correlation=account.incarnation if account else job.incarnation,
                milliseconds=(self.machine.clock.now() - began) // _MILLISECOND,
            )

    def _read(self, job: Job) -> tuple[Stored[Account] | None, Mapping[str, str]]:
        """Returns the account of *job*, and where it looks into the mailbox, how far folders were followed."""
        if job.kind in _LOOKS:
            return self.accounts.get_with_cursors(job.account)
        return self.accounts.get(job.account) if job.account else None, {}

    def _carry_out(self, job: Job, stored: Stored[Account] | None, ways: Mapping[str, Work]) -> str:
        """Does it and returns `done`, or `pointless` where nobody wants it any more."""
        if job.kind not in _KINDS:
            # Failing makes it poison that can be seen and requeued, unless an instance of that version takes it.
            raise WorkFailed(f"A job of the kind {job.kind!r} is for a newer version of this service.")
        if job.replay is not None:
            self.replays.go_on(job.replay)
            return "done"
        if job.erasure is not None:
            self.erasures.go_on(job.erasure)
            return "done"
        if job.app is not None:
            self.expiries.tell(job)
            return "done"
        work = ways.get(job.kind)
        if work is None or stored is None or job.incarnation not in (None, stored.value.incarnation):
            return "pointless"
        return "pointless" if work(stored, job) is False else "done"

    def _work(self, links: Mapping[str, str], looks: Looks) -> dict[str, Work]:
        return {
            JobKind.CONNECT: self._connect,
            JobKind.RECONNECT: self._connect,
            JobKind.RENEW: self.renewals.renew,
            JobKind.REAUTHORIZE: self.renewals.renew,
            JobKind.RECREATE: self.renewals.recreate,
            JobKind.RELOCATE: self.relocations.relocate,
            JobKind.SWEEP: partial(self.sweeps.sweep, links=links, looks=looks),
            JobKind.CATCH_UP: partial(self._catch_up, links=links),
            JobKind.DISCONNECT: self.removals.disconnect,
            JobKind.PURGE: self.removals.purge,
        }

    def _connect(self, stored: Stored[Account], job: Job) -> None:
        connections = self.connections if stored.value.grant is None else self.watching
        connections.connect(stored, job)

    def _catch_up(self, stored: Stored[Account], job: Job, *, links: Mapping[str, str]) -> None:
        if stored.value.grant is None:
            self.sweeps.catch_up(stored, job, links=links)
        else:
            self.watching.look(stored, job)


def _trouble(job: Job, account: Account | None, problem: Exception) -> dict[str, Any]:
    """Returns the log's fields of a job that could not be done; where nobody read the account its key names it."""
    return {
        "kind": job.kind,
        "account": account.id if account else None,
        "account_key": None if account else job.account or None,
        "app": job.app,
        "correlation": account.incarnation if account else job.incarnation,
        **explained(problem),
    }
