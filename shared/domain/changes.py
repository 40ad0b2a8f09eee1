"""
Changes: what we make of a notification, and what a change turns out to mean once the message is read.

A notification says only that something happened to a message id, perhaps twice, perhaps out of order, and Graph answers
with the message as it is now. So the meaning comes from comparing what is read with what we last knew (the sighting):

* unknown and created since we watch       -> messageNew
* unknown and older than our watch         -> messageMoved, or messageUpdated where only `updated` was said
* known, in another folder                 -> messageMoved    (a move arrives as `deleted` and `created`, one id)
* known, other flags or categories         -> messageUpdated
* known, the same                          -> nothing         (a duplicate)
* not there, and `deleted` was said        -> messageDeleted
* not there, and `created` was said        -> looked for again (replication lags), then messageMissing
* not there, and only `updated` was said   -> looked for again, then nothing (its `deleted` tells)
* there and unknown, and no `created` said -> looked at again (its `created` is on the way), then messageNew
* there and unknown, `created` and `deleted` said -> looked at again (it may just have been told), then messageNew

The sidecar compares states itself, so what it says is what happened: see shared/domain/exact_changes.py.
"""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from shared.domain.accounts import Account
from shared.domain.events import (
    Event,
    EventName,
    deleted_data,
    event_id,
    missing_data,
    moved_data,
    new_data,
    updated_data,
)
from shared.domain.messages import ContentRules, Message
from shared.domain.models import Carried, OrNewer
from shared.domain.moments import day_of
from shared.domain.sightings import Sighting

# Graph tells whole seconds of its own clock; an arrival must not look older than our watch because of that.
_CLOCK_SKEW = timedelta(minutes=5)
# A message that changed this soon after it came is unlikely to have been announced in between.
_UNTOUCHED = timedelta(seconds=2)


class ChangeKind(StrEnum):
    """What happened to a message, as Graph says it; the sidecar says the same, and knows a move when it sees one."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    MOVED = "moved"


class Change(Carried):
    """
    Something happened to a message, of which we learned at `seen`.

    `looks` counts how often it was read and too early to tell, `tries` how often it could not be read at all;
    `found` says that a sweep told us and no notification, `crowded` that it is one of many at its mailbox just now;
    `correlation` joins the log lines from here to the end.

    An `exact` change was found by comparing states. `version` tells it apart from other changes of its kind to the same
    message, and is the same when the comparison is repeated; `flags` are the message's flags after it, `former_flags`
    those before. `former` is the id that a message had before it was moved.
    """

    account: str
    kind: OrNewer[ChangeKind]
    message: str
    seen: datetime
    looks: int = 0
    tries: int = 0
    found: bool = False
    crowded: bool = False
    correlation: str = ""
    exact: bool = False
    version: str = ""
    former: str | None = None
    flags: tuple[str, ...] | None = None
    former_flags: tuple[str, ...] | None = None


class _Announcement(Carried):
    """
    Something that happened to no message, ready to be told.

    `tries` counts how often it could not be worked on; `correlation` joins its log lines.
    """

    event: OrNewer[EventName]
    version: str
    at: datetime
    data: dict[str, Any]
    tries: int = 0
    correlation: str = ""


class AccountEvent(_Announcement):
    """
    Something happened to an account itself; `incarnation` says to which registration under this id.

    `default_webhook` says that it had no webhook of its own by then, so that nobody need read it to find out.
    """

    account: str
    account_id: str
    incarnation: str
    default_webhook: bool = False

    def as_event(self) -> Event:
        """Returns the event that the customer receives."""
        identity = event_id(self.account, self.incarnation, EventName(self.event), self.version)
        return _told(self, identity, account=self.account_id, account_key=self.account)


class InstanceEvent(_Announcement):
    """Something happened to what serves all accounts; `subject` says to what: the id of an OAuth2 application."""

    subject: str

    def as_event(self) -> Event:
        """Returns the event that the customer receives: it names no account."""
        identity = event_id("", self.subject, EventName(self.event), self.version)
        return _told(self, identity, account=None, account_key=None)


_THINGS = ("changes", "account_events", "instance_events")
_KINDS, _EVENTS = frozenset(ChangeKind), frozenset(EventName)
Tried = TypeVar("Tried", Change, AccountEvent, InstanceEvent)


class ChangeBatch(Carried):
    """A message of the queue `changes`: what came in together."""

    v: int = 1
    changes: tuple[Change, ...] = ()
    account_events: tuple[AccountEvent, ...] = ()
    instance_events: tuple[InstanceEvent, ...] = ()

    @property
    def size(self) -> int:
        """How many things came in."""
        return len(self.changes) + len(self.account_events) + len(self.instance_events)

    def halves(self) -> "tuple[ChangeBatch, ChangeBatch]":
        """Returns the same things in two batches, of which neither is empty where there are two."""
        room = self.size // 2
        first: dict[str, Any] = {}
        second: dict[str, Any] = {}
        for name in _THINGS:
            things = getattr(self, name)
            first[name], second[name] = things[:room], things[room:]
            room -= len(first[name])
        return self.model_copy(update=first), self.model_copy(update=second)

    def parted(self) -> "tuple[ChangeBatch, ChangeBatch]":
        """Returns what can be told here, and what only a newer version understands."""
        known = {name: tuple(filter(_is_known, getattr(self, name))) for name in _THINGS}
        newer = {name: tuple(each for each in getattr(self, name) if not _is_known(each)) for name in _THINGS}
        return self.model_copy(update=known), self.model_copy(update=newer)

    def tried(self) -> "ChangeBatch":
        """Returns the batch after a try that came to nothing."""
        tried = {name: tuple(map(_tried, getattr(self, name))) for name in _THINGS}
        return self.model_copy(update=tried)


def account_event(account: Account, event: EventName, version: str, at: datetime, data: dict[str, Any]) -> AccountEvent:
    """Returns an *event* of *account* itself, as the queue carries it."""
    return AccountEvent(
        account=account.key,
        account_id=account.id,
        incarnation=account.incarnation,
        event=event,
        version=version,
        at=at,
        data=data,
        correlation=account.incarnation,
    )


@dataclass(frozen=True)
class Meaning:
    """
    What a message's changes come to.

    `event` and its `data` for the customer, with `version` and `moment` for its id and place; `sighting` is what to
    remember; `again` says that it is too early to tell (the rest, where there is an event), and `also` what must be
    told besides.
    """

    event: EventName | None = None
    data: dict[str, Any] | None = None
    version: str = ""
    moment: datetime | None = None
    sighting: Sighting | None = None
    again: bool = False
    also: "Meaning | None" = None


NOTHING = Meaning()
AGAIN = Meaning(again=True)


def needs_sighting(kinds: Collection[str], message: Message, *, suspicious: bool) -> bool:
    """
    Tells whether the meaning depends on what we last knew of *message*.

    A message that came just now, untouched, was never announced: that is the usual mail, and it costs no lookup. It is
    *suspicious* when its changes have been worked on before.
    """
    if suspicious or ChangeKind.CREATED not in kinds or ChangeKind.DELETED in kinds:
        return True
    return was_touched(message)


def meaning_of_missing(
    kinds: Collection[str], message_id: str, *, seen: datetime, looks: int, patience: int
) -> Meaning:
    """
    Returns what it means that *message_id* is not there; *patience* is how often we look before we believe it.

    Nobody tells when it went, so the event stands at the beginning of the day: a duplicate lands on the same row.
    """
    day = day_of(seen)
    if ChangeKind.DELETED in kinds:
        return Meaning(EventName.MESSAGE_DELETED, deleted_data(message_id), moment=day)
    if looks < patience:
        return AGAIN
    if ChangeKind.CREATED in kinds:
        return Meaning(EventName.MESSAGE_MISSING, missing_data(message_id, looks), moment=day)
    return NOTHING


def meaning_of_message(
    kinds: AbstractSet[str],
    message: Message,
    known: Sighting | None,
    *,
    watched_since: datetime,
    looks: int,
    patience: int,
    interrupted: bool,
    rules: ContentRules,
    told: Sighting | None = None,
) -> Meaning:
    """
    Returns what the changes of a message that is there come to; *known* is what we last knew of it.

    Where its arrival may have been told before by somebody who died before he could note it (*interrupted*), a change
    since then would hide behind the repeated arrival, which a receiver drops as a duplicate; so it is told besides.
    What was *told* of it says what changed. Where it does not, the change's own notification says whether it was a
    move; only where none comes is it told as an update. After such an update, and after an arrival that is told late
    where nobody knows of an interruption, a move that is announced later is believed.
    """
    now_seen = Sighting.of(message)
    if known is None:
        if message.created >= watched_since - _CLOCK_SKEW:
            # A move right after the arrival: whoever tells the arrival may not have noted it yet.
            moved = {ChangeKind.CREATED, ChangeKind.DELETED} <= kinds and looks == 0
            if moved or (ChangeKind.CREATED not in kinds and looks < patience):
                return AGAIN
            arrival = Meaning(
                EventName.MESSAGE_NEW, new_data(message, rules), moment=message.received, sighting=now_seen
            )
            change = _change_since(told, message, now_seen) if told else NOTHING
            if change.event:
                return replace(arrival, also=change)
            # What was told may be a repetition of what was told before, with other bytes: then it hides the change.
            if interrupted and was_touched(message):
                return _touched_since(arrival, kinds - {ChangeKind.CREATED}, message, wait=looks < patience)
            return replace(arrival, sighting=now_seen.model_copy(update={"late": was_touched(message)}))
        return _change_of_unknown(kinds, message, now_seen)
    return _change_of_known(kinds, known, message, now_seen)


def _change_of_known(kinds: AbstractSet[str], known: Sighting, message: Message, now_seen: Sighting) -> Meaning:
    change = _change_since(known, message, now_seen)
    if change.event is None and known.late and ChangeKind.DELETED in kinds:
        # A move's own word, where what we noted may be the folder that it led to.
        return _changed(EventName.MESSAGE_MOVED, moved_data(message, None), message, now_seen)
    return change


def _touched_since(arrival: Meaning, kinds: AbstractSet[str], message: Message, *, wait: bool) -> Meaning:
    """Returns the *arrival* with the change that followed it, of which only its *kinds* are known, if they are."""
    if not kinds and wait:
        return replace(arrival, sighting=None, again=True)
    return replace(arrival, also=_change_of_unknown(kinds, message, Sighting.of(message)))


def was_touched(message: Message) -> bool:
    """Tells whether *message* was changed after it came."""
    return message.modified - message.created > _UNTOUCHED


def _change_since(known: Sighting, message: Message, now_seen: Sighting) -> Meaning:
    if known.folder != now_seen.folder:
        return _changed(EventName.MESSAGE_MOVED, moved_data(message, known), message, now_seen)
    if known.state != now_seen.state:
        return _changed(EventName.MESSAGE_UPDATED, updated_data(message, known), message, now_seen)
    return NOTHING


def _change_of_unknown(kinds: AbstractSet[str], message: Message, now_seen: Sighting) -> Meaning:
    if kinds <= {ChangeKind.UPDATED}:
        # It may be half of what a move says; where the rest comes behind, it must still be believed.
        doubtful = now_seen.model_copy(update={"late": True})
        return _changed(EventName.MESSAGE_UPDATED, updated_data(message, None), message, doubtful)
    return _changed(EventName.MESSAGE_MOVED, moved_data(message, None), message, now_seen)


def _changed(event: EventName, data: dict[str, Any], message: Message, sighting: Sighting) -> Meaning:
    return Meaning(event, data, version=message.change_key, moment=message.modified, sighting=sighting)


def _is_known(each: Change | AccountEvent | InstanceEvent) -> bool:
    return each.kind in _KINDS if isinstance(each, Change) else each.event in _EVENTS


def _tried(each: Tried) -> Tried:
    return each.model_copy(update={"tries": each.tries + 1})


def _told(said: _Announcement, identity: str, *, account: str | None, account_key: str | None) -> Event:
    return Event(
        id=identity,
        name=EventName(said.event),
        account=account,
        account_key=account_key,
        moment=said.at,
        date=said.at,
        learned=said.at,
        data=said.data,
    )
