"""
Expiries: whoever runs an application hears of its credential's end before its mailboxes fall silent.

The due index holds the next notice of each application, and is no more than an alarm clock: what is due then follows
from the application's row alone, its credential's end and what was told of that. So an entry for a former credential,
or for an application that was removed, finds nothing to do.

The order is the promise: event → next entry → row, and only then does the job's own message go. Whatever dies in
between is repeated, under the same event id. An entry that is lost all the same is made good by the next night.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.changes import ChangeBatch, InstanceEvent
from shared.domain.due import Due, DueKind
from shared.domain.errors import TryLater
from shared.domain.events import EventName, expiring_data
from shared.domain.expiries import Notice, days_left, due_notice, next_moment
from shared.domain.jobs import Job, JobKind
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Machine
from shared.ports.queues import ChangeQueue, JobQueue
from shared.ports.state import DueStore, OAuth2AppStore


@dataclass(frozen=True)
class Expiries:
    """Tells that credentials expire."""

    apps: OAuth2AppStore
    due: DueStore
    jobs: JobQueue
    changes: ChangeQueue
    machine: Machine

    def watch(self, app: OAuth2App) -> None:
        """
        Schedules the next notice about the credential of *app*; one that is due already comes at once.

        Repeating it changes nothing. It never fails what it is called from: what cannot be stored now, the night makes
        good.
        """
        try:
            self._schedule(app)
        except TryLater as busy:
            self.machine.log.problem("oauth2_app.unscheduled", app=app.id, error=str(busy))

    def repair(self) -> None:
        """Schedules what is missing, for every application; there are few."""
        apps = list(self.apps.all())
        for app in apps:
            self.watch(app)
        self.machine.log.event("oauth2_app.expiries_checked", apps=len(apps))

    def tell(self, job: Job) -> None:
        """Tells the notice that is due about the application of *job*, if any is, and schedules the next."""
        stored = self.apps.get(job.app or "")
        if stored is None or stored.value.expires is None:
            return
        app, now = stored.value, self.machine.clock.now()
        notice = due_notice(stored.value.expires, app.notice, asked=job.at or now, now=now)
        if notice is None:
            # Told already, or this machine's clock is behind: whatever comes next must not get lost for it.
            self._schedule(app)
            return
        said = _said(app, stored.value.expires, notice)
        self.changes.put(ChangeBatch(instance_events=(said,)))
        told = app.model_copy(update={"notice": notice})
        self._schedule(told)
        self.apps.replace(told, stored.etag)
        self.machine.log.problem("oauth2_app.expiring", app=app.id, expires=app.expires, days=said.data["days"])

    def _schedule(self, app: OAuth2App) -> None:
        if app.expires is None:
            return
        now = self.machine.clock.now()
        following = next_moment(app.expires, now)
        if due_notice(app.expires, app.notice, asked=now, now=now) is not None:
            # What is due in the past, no tick looks for.
            self.jobs.put(Job(kind=JobKind.EXPIRY, app=app.id, at=now))
        elif following is not None:
            self.due.put(Due(kind=DueKind.EXPIRY, subject=app.id, at=following))


def _said(app: OAuth2App, expires: datetime, notice: Notice) -> InstanceEvent:
    return InstanceEvent(
        subject=app.id,
        event=EventName.OAUTH_APP_EXPIRING,
        # Not the secret itself: whoever gives the same one with the same end again has heard of it.
        version=f"{expires.isoformat()}/{notice.ahead}",
        at=notice.at,
        data=expiring_data(app, expires, days_left(expires, notice.at)),
        correlation=app.id,
    )
