"""
Sweeps: every account is looked at again and again, so that no silence of Graph's costs an event.

One look is one call to Graph: what came since the last look and which older mail was modified since, in all folders,
and what changed in the watched ones (delta), which alone tells what is gone. What we know already falls out; the rest
goes on the queue `changes` like any notification, and makes the same event ids. What does not fit one page goes on as a
job for the next, so that a mailbox with 100,000 new messages is no more than many small jobs.

An account has one chain of sweeps: `next_sweep` in its row names the one that goes on; any other is forgotten.

No account is skipped, however many notifications it had. A notification proves that the subscription lived at that
moment, and nothing about the one before it, which Graph dropped, or the one after it; only a look finds what is
missing. What a look costs while nothing happened is kept low instead: one call to Graph, the row read together with the
links and written (so that the chain has one end). The next look's entry, and the message that brings a job here, are
shared with other accounts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.accounts import Account, AccountState, Subscription
from shared.domain.changes import Change, ChangeBatch
from shared.domain.client_state import ClientStates
from shared.domain.due import Due, DueKind
from shared.domain.errors import MailboxRefused, RelayError, SignInRefused, TryLater
from shared.domain.jobs import Job, JobKind
from shared.domain.messages import Message
from shared.domain.oauth2 import OAuth2App
from shared.domain.sightings import sighting_key
from shared.domain.sweeps import ON_ITS_WAY, OVERLAP, Found, Look, Looks, compare, removals
from shared.group_commit import GroupCommit
from shared.ports.machine import Machine
from shared.ports.microsoft365 import FolderChanges, Glance, History
from shared.ports.queues import ChangeQueue, JobQueue
from shared.ports.records import Stored
from shared.ports.state import AccountStore, CursorStore, SightingStore
from shared.services.crowds import Crowds
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup, application_of

# Two sweeps in a row that find unannounced mail are no accident: the subscription is dead, whatever Graph says.
_SILENT_TWICE = 2
# What is due sooner than this waits on the queue itself; the index is read every few minutes.
_SOON = timedelta(minutes=10)
_BUSY_WAIT = timedelta(minutes=2)
_REFUSED_WAIT = timedelta(minutes=30)
_MILLISECOND = timedelta(milliseconds=1)
_RENEWAL_LATE = timedelta(hours=40)
# Beside the links stands whose they are; no folder is called so.
_MAILBOX = "/mailbox"


@dataclass(frozen=True)
class Sweeps:
    """Looks at mailboxes. `interval` is between two looks, `poll` the same while Graph cannot call us."""

    accounts: AccountStore
    apps: Lookup[Stored[OAuth2App] | None]
    history: History
    cursors: CursorStore
    sightings: SightingStore
    client_states: ClientStates
    settings: InstanceSettingsService
    changes: ChangeQueue
    jobs: JobQueue
    due_rows: GroupCommit[Due, None]
    machine: Machine
    interval: timedelta
    poll: timedelta
    folders: tuple[str, ...]
    sightings_kept: timedelta

    def schedule(self, account: Account, at: datetime) -> None:
        """Has the account swept at *at*, which its row must name as `next_sweep` by then."""
        wait = at - self.machine.clock.now()
        if wait < _SOON:
            job = Job(kind=JobKind.SWEEP, account=account.key, incarnation=account.incarnation, at=at)
            self.jobs.put(job, wait)
        else:
            entry = Due(kind=DueKind.SWEEP, subject=account.key, at=at, incarnation=account.incarnation)
            self.due_rows.submit([entry]).result()

    def next_after(self, account: Account) -> datetime:
        """Returns when to look at the account next: jittered, so that accounts spread over the interval."""
        if account.polling:
            return self.machine.clock.now() + self.poll
        return self.machine.clock.now() + self.interval * (0.75 + 0.5 * self.machine.randomness.fraction())

    def sweep(self, stored: Stored[Account], job: Job, *, links: Mapping[str, str], looks: Looks) -> bool:
        """
        Looks at the account once and names the next look; a job that the row does not name does nothing.

        *links* say how far its folders were followed.
        Returns whether there was something to do; then *looks* counts what became of it.
        """
        account = stored.value
        if account.state is AccountState.DELETED or job.at is None or job.at != account.next_sweep:
            return False
        if account.state is not AccountState.CONNECTED:
            # The chain waits for the account to work again; a new one would only begin where this one is lost.
            self.jobs.put(job, _REFUSED_WAIT)
            return False
        started = self.machine.clock.now()
        try:
            patience = timedelta() if account.polling else ON_ITS_WAY
            look = self._look(account, application_of(account, self.apps), links, patience, asked=False)
        except TryLater as busy:
            looks.failed += 1
            self.jobs.put(job, max(busy.retry_after or _BUSY_WAIT, timedelta(seconds=5)))
            self._tell_unswept(account, busy)
            return True
        except (SignInRefused, MailboxRefused) as refusal:
            looks.failed += 1
            # Whether the account still works is for its connection to find out, which names the next sweep then.
            self.jobs.put(Job(kind=JobKind.RECONNECT, account=account.key, incarnation=account.incarnation))
            self.jobs.put(job, _REFUSED_WAIT)
            self._tell_unswept(account, refusal)
            return True
        looks.add(look)
        # While we poll, and where a look was cut short by a page's end, finding things is what a look is for.
        silent = look.unannounced > 0 and account.swept is not None and not account.polling
        finds = account.silent_finds + 1 if silent else 0
        if finds >= _SILENT_TWICE and account.subscription is not None:
            self.machine.log.problem(
                "subscription.silent", account=account.id, correlation=account.incarnation, finds=finds
            )
            self.jobs.put(Job(kind=JobKind.RECREATE, account=account.key, subscription=account.subscription.id))
            finds = 0
        if account.subscription is not None and self._should_be_renewed(account.subscription, started):
            # The renewal itself finds out whether it is needed.
            self.jobs.put(Job(kind=JobKind.RENEW, account=account.key, incarnation=account.incarnation))
        self._follow_our_address(account)
        following = self.next_after(account)
        self.schedule(account, following)
        looked = {"swept": started, "next_sweep": following, "silent_finds": finds}
        self.accounts.replace(account.model_copy(update=looked), stored.etag)
        return True

    def _tell_unswept(self, account: Account, problem: RelayError) -> None:
        self.machine.log.problem(
            "account.unswept", account=account.id, correlation=account.incarnation, error=str(problem)
        )

    def _should_be_renewed(self, subscription: Subscription, now: datetime) -> bool:
        # Its entry in the due index was lost, or failed; or its key was dropped, and we believe nothing that it says.
        return subscription.expires - now < _RENEWAL_LATE or self.client_states.is_void(subscription.signed_with)

    def _follow_our_address(self, account: Account) -> None:
        subscription, service_url = account.subscription, self.settings.current().service_url
        if subscription is not None and service_url is not None and not subscription.calls(service_url):
            job = Job(kind=JobKind.RELOCATE, account=account.key, incarnation=account.incarnation)
            self.jobs.put(job.model_copy(update={"subscription": subscription.id}))

    def catch_up(self, stored: Stored[Account], job: Job, *, links: Mapping[str, str]) -> None:
        """Looks at once, outside the chain, from *links* on; a job with a link goes on where a page ended."""
        account = stored.value
        if account.state is AccountState.DELETED or job.mailbox not in (None, _mailbox(account)):
            return
        try:
            app = application_of(account, self.apps)
            if job.link is None:
                # Somebody knows of a gap, so nothing is left to notifications.
                self._look(account, app, links, timedelta(), asked=True)
            elif job.folder is None:
                listing = self.history.list(app, account.user, job.link)
                self._take_listing(account, listing.messages, timedelta(), account.incarnation)
                self._go_on(account, listing.next, None)
            else:
                changed = self.history.follow(app, account.user, job.folder, job.link)
                ends, _ = self._take_folder(account, job.folder, changed, account.incarnation)
                self._keep(account, _of_mailbox(account, self.cursors.get(account.key)), ends)
        except TryLater as busy:
            self.jobs.put(job, busy.retry_after or _BUSY_WAIT)
        except (SignInRefused, MailboxRefused) as refusal:
            self.machine.log.problem(
                "catch_up.refused", account=account.id, correlation=account.incarnation, error=str(refusal)
            )
            self.jobs.put(job, _REFUSED_WAIT)

    def _look(
        self, account: Account, app: OAuth2App, links: Mapping[str, str], patience: timedelta, *, asked: bool
    ) -> Look:
        """Looks once; what was *asked* for, what found something, and the first look have a line of their own."""
        began, correlation = self.machine.clock.now(), self.machine.randomness.nonce()
        links = _of_mailbox(account, links)
        watched: dict[str, str | None] = {folder: links.get(folder) for folder in self.folders}
        glance: Glance = self.history.glance(app, account.user, self._since(account), watched)
        listed = (*glance.arrived.messages, *glance.modified.messages)
        found = self._take_listing(account, listed, patience, correlation)
        for listing in (glance.arrived, glance.modified):
            self._go_on(account, listing.next, None)
        ends: dict[str, str] = {}
        queued = len(found.changes)
        for folder, changed in glance.folders.items():
            end, more = self._take_folder(account, folder, changed, correlation)
            ends |= end
            queued += more
        self._keep(account, links, ends)
        if asked or queued or account.swept is None:
            self.machine.log.event(
                "account.swept",
                account=account.id,
                correlation=correlation,
                asked=asked,
                patience=patience.total_seconds(),
                messages=len(listed),
                changes=queued,
                unannounced=found.unannounced,
                milliseconds=(self.machine.clock.now() - began) // _MILLISECOND,
            )
        return Look(queued, found.unannounced)

    def _since(self, account: Account) -> datetime:
        watched_since = account.watched_since or account.created
        return max((account.swept or watched_since) - OVERLAP, watched_since)

    def _take_listing(
        self, account: Account, messages: Iterable[Message], patience: timedelta, correlation: str
    ) -> Found:
        listed = list(messages)
        known = {}
        for message in listed:
            sighting = self.sightings.get(sighting_key(account.key, message.id, message.received))
            if sighting is not None:
                known[message.id] = sighting
        now = self.machine.clock.now()
        found = compare(
            account.key,
            listed,
            known,
            now=now,
            watched_since=account.watched_since or account.created,
            # What came since the last look was never known, however long ago that was.
            forgotten_before=min(now - self.sightings_kept, self._since(account)),
            patience=patience,
        )
        self._put(found.changes, correlation)
        return found

    def _take_folder(
        self, account: Account, folder: str, changed: FolderChanges, correlation: str
    ) -> tuple[dict[str, str], int]:
        """Queues what changed in it; returns its link, unless the round goes on as a job, and how much that was."""
        # Arrivals are the listing's business, where they are all looked at again.
        found = self._take_listing(account, changed.messages, ON_ITS_WAY, correlation)
        gone = removals(account.key, changed.removed, now=self.machine.clock.now())
        self._put(gone, correlation)
        queued = len(found.changes) + len(gone)
        if changed.reset:
            self.machine.log.problem("folder.reset", account=account.id, correlation=correlation, folder=folder)
        if changed.more:
            self._go_on(account, changed.link, folder)
            return {}, queued
        return {folder: changed.link}, queued

    def _keep(self, account: Account, links: Mapping[str, str], ends: Mapping[str, str]) -> None:
        """Writes how far folders were followed, where they moved; a link lost to another look is followed twice."""
        if not ends.items() <= links.items():
            self.cursors.put(account.key, {_MAILBOX: _mailbox(account), **links, **ends})

    def _go_on(self, account: Account, link: str | None, folder: str | None) -> None:
        if link is not None:
            self.jobs.put(
                Job(
                    kind=JobKind.CATCH_UP,
                    account=account.key,
                    incarnation=account.incarnation,
                    link=link,
                    folder=folder,
                    mailbox=_mailbox(account),
                )
            )

    def _put(self, changes: tuple[Change, ...], correlation: str) -> None:
        if changes:
            # A page full of them is a crowd by itself.
            crowd = Crowds().mark(changes, self.machine.clock.now())
            found = tuple(change.model_copy(update={"correlation": correlation}) for change in crowd)
            self.changes.put(ChangeBatch(changes=found))


def _mailbox(account: Account) -> str:
    return f"{account.incarnation}/{account.app}/{account.user}"


def _of_mailbox(account: Account, links: Mapping[str, str]) -> Mapping[str, str]:
    """Returns *links*; those of another mailbox lead nowhere."""
    return links if links.get(_MAILBOX) == _mailbox(account) else {}
