"""
Subjects: what a batch of changes says, message by message, and what comes of it.

A change that is to be looked at again goes back with what this batch learned of it: how often it was looked for, and
whether anybody may have told of it already.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.accounts import Account
from shared.domain.changes import Change
from shared.domain.sightings import Sighting, SightingKey
from shared.domain.webhooks import DEFAULT
from shared.services.deliveries import Outgoing

# Between two looks for a message that should be there: Graph's copies lag by seconds.
_LOOK_AGAIN = (timedelta(seconds=1), timedelta(seconds=8), timedelta(seconds=30))


@dataclass(slots=True)
class Subject:
    """What a batch says about one message; an exact change of it is a subject of its own."""

    account: Account
    message: str
    kinds: set[str] = field(default_factory=set)
    seen: datetime | None = None
    looks: int = 0
    tries: int = 0
    changes: list[Change] = field(default_factory=list)

    def add(self, change: Change) -> None:
        """Takes in another change of the message."""
        self.kinds.add(change.kind)
        self.seen = min(self.seen, change.seen) if self.seen else change.seen
        self.looks = max(self.looks, change.looks)
        self.tries = max(self.tries, change.tries)
        self.changes.append(change)

    @property
    def exact(self) -> Change | None:
        """The change, where it says all by itself."""
        return self.changes[0] if self.changes[0].exact else None

    @property
    def first_seen(self) -> datetime:
        """The moment at which the first of the changes was heard of."""
        return self.seen or self.account.created

    @property
    def crowded(self) -> bool:
        """Whether its mailbox changes so fast that reads take turns."""
        return any(change.crowded for change in self.changes)

    @property
    def webhook(self) -> str:
        """The id of the webhook that its events go to."""
        return self.account.webhook if self.account.webhooks else DEFAULT

    @property
    def worked_on(self) -> bool:
        """Whether somebody may have told of it already."""
        return self.looks > 0 or self.tries > 0 or any(change.found for change in self.changes)


@dataclass(slots=True)
class Result:
    """What a batch comes to: what goes out, what to remember, and what to look at again."""

    outgoing: list[Outgoing] = field(default_factory=list)
    sightings: dict[SightingKey, Sighting] = field(default_factory=dict)
    again: dict[timedelta, list[Change]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    crowded: int = 0

    def look_again(self, subject: Subject, *, told: bool) -> None:
        """Has the message be looked for again soon; *told* says that part of what it means is out, or may be."""
        wait = _LOOK_AGAIN[min(subject.looks, len(_LOOK_AGAIN) - 1)]
        # What was told in part was interrupted, and the next look must know it.
        update = {"looks": subject.looks + 1, "tries": max(subject.tries, int(told))}
        again = (change.model_copy(update=update) for change in subject.changes)
        self.again.setdefault(wait, []).extend(again)

    def put_off(self, subject: Subject, wait: timedelta) -> None:
        """Has the message be tried again after *wait*: it could not be read."""
        again = (change.model_copy(update={"tries": subject.tries + 1}) for change in subject.changes)
        self.again.setdefault(wait, []).extend(again)

    def wait_for_room(self, subject: Subject, wait: timedelta, *, redelivered: bool) -> None:
        """Has the message come back after *wait*: others read its mailbox now."""
        # Nothing was tried, so nothing is counted; but who may have worked on it before must stay known.
        tries = max(subject.tries, int(redelivered))
        again = (change.model_copy(update={"crowded": True, "tries": tries}) for change in subject.changes)
        self.again.setdefault(wait, []).extend(again)
        self.crowded += 1
