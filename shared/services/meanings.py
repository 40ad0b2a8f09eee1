"""
Meanings: which event a message stands for, by what is known of it.

Whether an arrival was told already is known to its sighting; where that is missing, to the bytes of its delivery; and
for a short while to this process. Nothing is changed here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.changes import (
    AGAIN,
    NOTHING,
    ChangeKind,
    Meaning,
    meaning_of_message,
    meaning_of_missing,
    needs_sighting,
    was_touched,
)
from shared.domain.deliveries import DeliveryKey
from shared.domain.events import EventName, event_id
from shared.domain.exact_changes import meaning_of_exact
from shared.domain.messages import ContentRules, Message
from shared.domain.retention import near
from shared.domain.sightings import Sighting, sighting_key
from shared.ports.state import SightingStore
from shared.services.deliveries import Deliveries
from shared.services.folders import Folders
from shared.services.recent import RecentEvents
from shared.services.subjects import Subject

# How often a message that should be there is looked for.
PATIENCE = 3
_ANNOUNCED_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Meanings:
    """Says what a change of a message means, while a sighting is kept for `sightings_kept`."""

    sightings: SightingStore
    deliveries: Deliveries
    folders: Folders
    recent: RecentEvents
    sightings_kept: timedelta

    def of(self, subject: Subject, message: Message | None, rules: ContentRules, *, redelivered: bool) -> Meaning:
        """Returns what *subject* means, of which *message* was read, or nothing where it is not there."""
        if subject.exact is not None:
            meaning = meaning_of_exact(subject.exact, message, rules, patience=PATIENCE)
        elif message is None:
            meaning = meaning_of_missing(
                subject.kinds, subject.message, seen=subject.first_seen, looks=subject.looks, patience=PATIENCE
            )
        else:
            meaning = self._of_present(subject, message, rules, redelivered=redelivered)
        if meaning.event is EventName.MESSAGE_MISSING and self._arrival_is_told(subject):
            # It is gone, which its own departure tells.
            return NOTHING
        return meaning

    def _of_present(self, subject: Subject, message: Message, rules: ContentRules, *, redelivered: bool) -> Meaning:
        suspicious = redelivered or subject.worked_on
        meaning = self._of_message(subject, message, rules, redelivered=redelivered, suspicious=suspicious)
        told = _arrival_of(subject)
        if meaning.event is EventName.MESSAGE_NEW and self.recent.knows(told):
            # Told a moment ago, so this may be a change since: the sighting will say, once it is stored.
            finished = self.recent.is_finished(told)
            again = AGAIN if not finished else None
            return again or self._of_message(subject, message, rules, redelivered=redelivered, suspicious=True)
        return meaning

    def _of_message(
        self, subject: Subject, message: Message, rules: ContentRules, *, redelivered: bool, suspicious: bool
    ) -> Meaning:
        # New only because its sighting did not come: whoever told the arrival may have died before he noted it.
        inferred = subject.looks > 0 and subject.kinds != {ChangeKind.CREATED}
        interrupted = redelivered or subject.tries > 0 or inferred
        known = None
        if needs_sighting(subject.kinds, message, suspicious=suspicious):
            known = self.sightings.get(sighting_key(subject.account.key, message.id, message.received))
        told = None
        found = was_touched(message) and any(change.found for change in subject.changes)
        if known is None and (interrupted or found):
            told = self._told(subject, message)
        return meaning_of_message(
            subject.kinds,
            message,
            known,
            watched_since=self._known_since(subject),
            looks=subject.looks,
            patience=PATIENCE,
            interrupted=interrupted,
            rules=rules,
            told=told,
        )

    def _told(self, subject: Subject, message: Message) -> Sighting | None:
        """Returns what was told of an arrival that nobody noted, from the bytes that its delivery sends."""
        account = subject.account
        key = DeliveryKey(
            webhook=subject.webhook,
            moment=int(near(message.received, subject.first_seen).timestamp() * 1000),
            event_id=_arrival_of(subject),
        )
        told = self.deliveries.told(key)
        if told is None:
            return None
        folder = self.folders.find(account, message.folder)
        stayed = folder is not None and told.get("path") == folder.path
        flags, labels = (tuple(sorted(told.get(name) or ())) for name in ("flags", "labels"))
        return Sighting(folder=message.folder if stayed else "", flags=flags, labels=labels)

    def _arrival_is_told(self, subject: Subject) -> bool:
        """Tells whether the arrival was told, by a process that died then or to which it was announced as well."""
        arrival, seen = _arrival_of(subject), subject.first_seen
        # Nobody can say any more when it came; usual mail is announced soon after.
        return self.recent.is_finished(arrival) or self.deliveries.has_told(
            subject.webhook, arrival, seen - _ANNOUNCED_WITHIN, seen + _ANNOUNCED_WITHIN
        )

    def _known_since(self, subject: Subject) -> datetime:
        """Returns since when a message would be known if it had been told."""
        watched_since = subject.account.watched_since or subject.account.created
        if any(change.found and change.kind is ChangeKind.CREATED for change in subject.changes):
            # A sweep asks for arrivals since its last look, however long ago that was.
            return watched_since
        return max(watched_since, subject.first_seen - self.sightings_kept)


def _arrival_of(subject: Subject) -> str:
    return event_id(subject.account.key, subject.message, EventName.MESSAGE_NEW, "")
