"""
Sweeps: what a look at a mailbox finds that no notification told us.

Graph goes silent without telling, drops what slow endpoints miss, and forgets. So every account is looked at again and
again, however well it seems: a notification that came proves nothing about one that did not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.changes import Change, ChangeKind
from shared.domain.messages import Message
from shared.domain.sightings import Sighting

# Notifications take up to 3 minutes: https://learn.microsoft.com/graph/change-notifications-overview#latency
ON_ITS_WAY = timedelta(minutes=4)
# A sweep looks back beyond the last one: clocks differ, and copies lag.
OVERLAP = timedelta(minutes=10)


@dataclass(frozen=True)
class Found:
    """What a look found: changes to expand, and how many of them should have been announced long ago."""

    changes: tuple[Change, ...]
    unannounced: int


@dataclass(frozen=True, slots=True)
class Look:
    """What a look came to: how many changes were queued, and how many of them should have been announced long ago."""

    changes: int
    unannounced: int


@dataclass(slots=True)
class Looks:
    """What the sweeps of one message of jobs come to: so many accounts were looked at, `failed` others were not."""

    accounts: int = 0
    changes: int = 0
    unannounced: int = 0
    failed: int = 0

    def add(self, look: Look) -> None:
        """Adds what a look came to."""
        self.accounts += 1
        self.changes += look.changes
        self.unannounced += look.unannounced


def compare(
    account: str,
    messages: Iterable[Message],
    known: Mapping[str, Sighting],
    *,
    now: datetime,
    watched_since: datetime,
    forgotten_before: datetime,
    patience: timedelta,
) -> Found:
    """
    Returns what *messages* tell beyond what is *known* of them (by message id).

    What is unknown and younger than *patience* is left to its notification, which is on its way, or to the next sweep.
    Mail from before we watched is no arrival, and news only where it was modified since. What we knew of mail from
    before *forgotten_before* may have been purged: that it is unknown does not make it an arrival.

    Where a message is unknown and no arrival, nobody can tell what was modified, nor whether Graph announces such a
    thing, so it does not count as unannounced. Mail that is as we knew it was modified by an echo, and is no news.
    """
    changes: list[Change] = []
    unannounced = 0
    # Graph tells whole seconds, so mail of the watch's first second may look older than the watch.
    beginning = watched_since.replace(microsecond=0)
    for message in messages:
        sighting = known.get(message.id)
        # Imported mail was received long before it came.
        came = max(message.received, message.created)
        if sighting is not None:
            if not sighting.shows(message):
                changes.append(_change(account, ChangeKind.UPDATED, message.id, now))
                unannounced += now - message.modified >= patience
        elif came < beginning or came < forgotten_before:
            if message.modified >= beginning and now - message.modified >= patience:
                changes.append(_change(account, ChangeKind.UPDATED, message.id, now))
        elif now - came >= patience:
            changes.append(_change(account, ChangeKind.CREATED, message.id, now))
            unannounced += 1
    return Found(tuple(changes), unannounced)


def removals(account: str, removed: Iterable[str], *, now: datetime) -> tuple[Change, ...]:
    """Returns the changes for messages that left a folder: whether they are gone or elsewhere, their reading tells."""
    return tuple(_change(account, ChangeKind.DELETED, message, now) for message in removed)


def _change(account: str, kind: ChangeKind, message: str, now: datetime) -> Change:
    return Change(account=account, kind=kind, message=message, seen=now, found=True)
