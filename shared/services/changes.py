"""
Changes: the queue's batch becomes events, and the events go out.

Per batch, not per change: one round of reading, one round of POSTs, one write of rows. What cannot be told yet (Graph
is throttled, a copy lags behind, a crowded mailbox has no room) goes back to the queue with a delay; it never fails the
batch it came with. Only when all of that has been stored does the batch's own message go.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.accounts import Account, AccountState
from shared.domain.changes import (
    AccountEvent,
    Change,
    ChangeBatch,
    ChangeKind,
    InstanceEvent,
    Meaning,
)
from shared.domain.errors import MailboxRefused, SignInRefused, TryLater, WorkFailed
from shared.domain.events import Event, EventName, event_id, payload
from shared.domain.exact_changes import needs_reading
from shared.domain.failures import explained
from shared.domain.folders import Folder
from shared.domain.imap_ids import place_of
from shared.domain.instance_settings import InstanceSettings
from shared.domain.jobs import Job, JobKind
from shared.domain.mailboxes import mailbox_key, registration_of
from shared.domain.messages import ContentRules, Message
from shared.domain.oauth2 import OAuth2App
from shared.domain.retention import near
from shared.domain.sightings import Sighting, SightingKey, sighting_key
from shared.domain.webhooks import DEFAULT, wants
from shared.group_commit import GroupCommit
from shared.ports.machine import Machine
from shared.ports.microsoft365 import NotThere, Reading, ReadRequest, Unread
from shared.ports.queues import ChangeQueue, JobQueue
from shared.ports.records import Stored
from shared.services.crowds import Crowds
from shared.services.deliveries import Deliveries, Outgoing
from shared.services.folders import Folders
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup
from shared.services.meanings import Meanings
from shared.services.readings import Readings
from shared.services.recent import RecentEvents
from shared.services.subjects import Result, Subject

# What cannot be read now is tried for as long as it takes, at the end once in this time.
_UNREAD_WAITS = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 60, 300, 900))
_OUTAGE_WAIT = timedelta(seconds=60)
# Up to this and a half; queues count in whole seconds, and not all should come back in the same one.
_CROWDED_WAIT = timedelta(seconds=1)


@dataclass(frozen=True)
class Changes:
    """Expands batches of changes into events and hands the events to delivery."""

    accounts: Lookup[Stored[Account] | None]
    apps: Lookup[Stored[OAuth2App] | None]
    folders: Folders
    readings: Readings
    meanings: Meanings
    sighting_rows: GroupCommit[tuple[SightingKey, Sighting], None]
    queue: ChangeQueue
    jobs: JobQueue
    deliveries: Deliveries
    settings: InstanceSettingsService
    recent: RecentEvents
    crowds: Crowds
    machine: Machine

    def expand(self, batch: ChangeBatch, *, redelivered: bool) -> None:
        """
        Delivers what *batch* means; *redelivered* says that it may have been worked on before.

        What only a newer version understands goes on alone; where there is nothing else, raises WorkFailed.
        """
        started = self.machine.clock.now()
        result = Result()
        known, newer = batch.parted()
        if newer.size and not known.size:
            # Failing makes it poison that can be seen and requeued, unless an instance of that version takes it.
            self.machine.log.problem("changes.unknown", changes=newer.size, correlation=_correlation(newer))
            raise WorkFailed("A change of this kind is for a newer version of this service.")
        try:
            self._work(known, result, redelivered=redelivered)
            if newer.size:
                self.queue.put(newer)
                self.machine.log.problem("changes.parted", changes=newer.size, correlation=_correlation(newer))
        except TryLater as busy:
            self._abandon(result)
            # Without table or vault nothing can be done now, and the host would soon give the message up as poison.
            self.machine.log.problem(
                "changes.postponed", changes=len(batch.changes), correlation=_correlation(batch), error=str(busy)
            )
            self.queue.put(batch.tried(), busy.retry_after or _OUTAGE_WAIT)
            return
        except BaseException:
            self._abandon(result)
            raise
        for event in result.events:
            self.recent.finish(event)
        self.machine.log.event(
            "changes.expanded",
            # A line for each event would double what the log costs; their deliveries have one. Few are named here.
            account=next(iter(result.accounts)) if len(result.accounts) == 1 else None,
            correlation=_correlation(batch),
            changes=len(known.changes),
            events=len(result.outgoing),
            kinds=_kinds(result.outgoing),
            again=sum(map(len, result.again.values())),
            crowded=result.crowded,
            redelivered=redelivered,
            milliseconds=int((self.machine.clock.now() - started).total_seconds() * 1000),
        )

    def _work(self, batch: ChangeBatch, result: Result, *, redelivered: bool) -> None:
        settings = self.settings.current()
        announced: tuple[AccountEvent | InstanceEvent, ...] = (*batch.account_events, *batch.instance_events)
        for said in announced:
            self._tell_said(said, settings, result, redelivered=redelivered or said.tries > 0)
        subjects = self._subjects(self.crowds.mark(batch.changes, self.machine.clock.now()))
        result.accounts.update(subject.account.id for subject in subjects)
        self._interpret(subjects, settings, result, redelivered=redelivered)
        self.deliveries.dispatch(result.outgoing)
        self.sighting_rows.submit(list(result.sightings.items())).result()
        for wait, changes in result.again.items():
            self.queue.put(ChangeBatch(changes=tuple(changes)), wait)

    def _abandon(self, result: Result) -> None:
        for event in result.events:
            self.recent.abandon(event)

    def _subjects(self, changes: Sequence[Change]) -> list[Subject]:
        subjects: dict[tuple[str, ...], Subject] = {}
        for change in changes:
            stored = self.accounts.get(change.account)
            if stored is not None and stored.value.state is AccountState.DELETED:
                # It may have been registered again since we looked.
                self.accounts.forget(change.account)
                stored = self.accounts.get(change.account)
            if stored is None or stored.value.state is AccountState.DELETED:
                continue
            apart = (change.kind, change.version) if change.exact else ()
            key = (change.account, change.message, *apart)
            subjects.setdefault(key, Subject(stored.value, change.message)).add(change)
        return list(subjects.values())

    def _interpret(
        self, subjects: Sequence[Subject], settings: InstanceSettings, result: Result, *, redelivered: bool
    ) -> None:
        rules = ContentRules(
            text=settings.notify_text, text_bytes=settings.notify_text_size, headers=settings.notify_headers
        )
        requests, asked, crowded = [], [], set()
        for subject in subjects:
            if subject.exact and not needs_reading(subject.exact):
                self._interpret_one(subject, None, rules, settings, result, redelivered=redelivered)
                continue
            app = self.apps.get(subject.account.app)
            if app is None:
                # Deleted with force while its accounts live on: nothing can be read until they have another.
                result.put_off(subject, _UNREAD_WAITS[-1])
                continue
            # A message that nobody has announced for a while may turn out to be new, so it is read whole.
            complete = ChangeKind.CREATED in subject.kinds or subject.looks > 0
            requests.append(
                ReadRequest(
                    app.value,
                    subject.account.user,
                    subject.message,
                    complete,
                    registration=registration_of(subject.account),
                    text_bytes=rules.encoded_bytes,
                )
            )
            asked.append(subject)
            if subject.crowded:
                crowded.add(mailbox_key(app.value, subject.account.user))
        room = _CROWDED_WAIT * (0.5 + self.machine.randomness.fraction())
        for subject, reading in zip(asked, self.readings.read(requests, crowded), strict=True):
            if reading is None:
                result.wait_for_room(subject, room, redelivered=redelivered)
            else:
                self._interpret_one(subject, reading, rules, settings, result, redelivered=redelivered)

    def _interpret_one(
        self,
        subject: Subject,
        reading: Reading | None,
        rules: ContentRules,
        settings: InstanceSettings,
        result: Result,
        *,
        redelivered: bool,
    ) -> None:
        if isinstance(reading, Unread):
            self._put_off(subject, reading.error, result)
            return
        try:
            self._tell(subject, reading, rules, settings, result, redelivered=redelivered)
        except Exception as problem:  # noqa: BLE001  one message that we cannot digest must not take its batch along
            self._put_off(subject, problem, result)

    def _tell(
        self,
        subject: Subject,
        reading: Message | NotThere | None,
        rules: ContentRules,
        settings: InstanceSettings,
        result: Result,
        *,
        redelivered: bool,
    ) -> None:
        suspicious = redelivered or subject.worked_on
        message = reading if isinstance(reading, Message) else None
        meaning = self.meanings.of(subject, message, rules, redelivered=redelivered)
        if subject.exact is not None and meaning.event is not EventName.MESSAGE_NEW:
            # The message's own moments are those of its arrival.
            message = None
        if meaning.again:
            result.look_again(subject, told=meaning.event is not None or redelivered)
        if meaning.event is not None:
            self._announce(subject, message, meaning, settings, result, suspicious=suspicious)
            if meaning.also is not None:
                self._announce(subject, message, meaning.also, settings, result, suspicious=suspicious)

    def _announce(
        self,
        subject: Subject,
        message: Message | None,
        meaning: Meaning,
        settings: InstanceSettings,
        result: Result,
        *,
        suspicious: bool,
    ) -> None:
        account = subject.account
        if meaning.event is None or meaning.data is None:
            return
        place = place_of(subject.message)
        folder_id = message.folder if message else place.folder if place else None
        folder = self.folders.find(account, folder_id) if folder_id else None
        event = Event(
            id=event_id(account.key, subject.message, meaning.event, meaning.version),
            name=meaning.event,
            account=account.id,
            account_key=account.key,
            moment=near(meaning.moment or subject.first_seen, subject.first_seen),
            # What is gone has no time of its own any more.
            date=meaning.moment if message and meaning.moment else subject.first_seen,
            learned=subject.first_seen,
            data=_placed(meaning.event, meaning.data, folder),
            path=folder.path if folder else "\\All",
            special_use=folder.special_use if folder else "\\All",
        )
        out = Outgoing(
            event, subject.webhook, payload(event, settings.service_url), suspicious, subject.changes[0].correlation
        )
        if not self._take(event.id, result, suspicious=suspicious):
            return
        if message is not None and meaning.sighting is not None:
            key = sighting_key(account.key, message.id, message.received)
            result.sightings[key] = meaning.sighting.model_copy(update={"owner": account.registration})
        if wants(settings, event):
            result.outgoing.append(out)

    def _take(self, identity: str, result: Result, *, suspicious: bool) -> bool:
        """
        Takes the event in hand; one that is finished, or in the hand of another thread, is a duplicate.

        But where the batch came again, the other thread may be at work on this very message, whose lease has lapsed;
        then nothing else guards the event, and it must wait.
        """
        if not self.recent.begin(identity):
            if suspicious and not self.recent.is_finished(identity):
                raise TryLater("Another thread is at work on this event.")
            return False
        result.events.append(identity)
        return True

    def _put_off(self, subject: Subject, error: Exception, result: Result) -> None:
        wait = _UNREAD_WAITS[min(subject.tries, len(_UNREAD_WAITS) - 1)]
        if isinstance(error, TryLater) and error.retry_after is not None:
            wait = max(wait, error.retry_after)
        self.machine.log.problem(
            "message.unread",
            account=subject.account.id,
            correlation=subject.changes[0].correlation or None,
            tries=subject.tries,
            wait=wait.total_seconds(),
            **explained(error),
        )
        refused = isinstance(error, SignInRefused | MailboxRefused)
        if refused and subject.account.state is AccountState.CONNECTED and subject.account.key not in result.refused:
            result.refused.add(subject.account.key)
            self.jobs.put(Job(kind=JobKind.RECONNECT, account=subject.account.key))
        result.put_off(subject, wait)

    def _tell_said(
        self, said: AccountEvent | InstanceEvent, settings: InstanceSettings, result: Result, *, redelivered: bool
    ) -> None:
        event = said.as_event()
        if event.account is not None:
            result.accounts.add(event.account)
        if not self._take(event.id, result, suspicious=redelivered):
            return
        if wants(settings, event):
            result.outgoing.append(
                Outgoing(
                    event,
                    self._webhook_of(said),
                    payload(event, settings.service_url),
                    suspicious=redelivered,
                    correlation=said.correlation,
                )
            )

    def _webhook_of(self, said: AccountEvent | InstanceEvent) -> str:
        if isinstance(said, InstanceEvent) or said.default_webhook:
            return DEFAULT
        stored = self.accounts.get(said.account)
        return stored.value.webhook if stored and stored.value.webhooks else DEFAULT


def _correlation(batch: ChangeBatch) -> str | None:
    """Returns the correlation of a batch that has a single one."""
    said: tuple[Change | AccountEvent | InstanceEvent, ...]
    said = (*batch.changes, *batch.account_events, *batch.instance_events)
    found = {each.correlation for each in said}
    return next(iter(found)) or None if len(found) == 1 else None


def _placed(event: EventName, data: dict[str, object], folder: Folder | None) -> dict[str, object]:
    if folder is None or event is not EventName.MESSAGE_NEW:
        return data
    placed: dict[str, object] = {key: data[key] for key in ("id", "uid") if key in data}
    placed |= {"path": folder.path, **data}
    if folder.special_use is not None:
        placed["messageSpecialUse"] = folder.special_use
    return placed


def _kinds(outgoing: Sequence[Outgoing]) -> dict[str, int] | None:
    """Returns how many events of each name there are; one that goes to two webhooks is one."""
    return dict(Counter({out.event.id: str(out.event.name) for out in outgoing}.values())) or None
