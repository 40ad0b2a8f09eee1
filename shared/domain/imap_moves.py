"""
Moves between the watched folders of an IMAP mailbox: a departure here and an arrival there, told once.

IMAP tells no move: a message goes, and another comes elsewhere with the same moment and size. Either may be seen first,
because folders are looked at one after the other. So what may turn out to be half of a move waits for a while, and what
cannot is told at once: usual mail, of which no other folder holds a likeness, waits for nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.mirrors import NO_FINGERPRINT, Arrived, Gone


@dataclass(frozen=True, slots=True)
class Noted:
    """An arrival or a departure in *folder*, of which we learned at *at*."""

    folder: str
    find: Arrived | Gone
    at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """A message that went there and came here."""

    went: Noted
    came: Noted


@dataclass(slots=True)
class Sorted:
    """What is a move, what is none, and what may still become one and wants to be looked at again."""

    moved: list[Moved] = field(default_factory=list)
    told: list[Noted] = field(default_factory=list)
    waiting: list[Noted] = field(default_factory=list)


def sort_out(
    noted: Sequence[Noted],
    *,
    held_elsewhere: Callable[[str, int], bool],
    now: datetime,
    window: timedelta,
    folders: int,
) -> Sorted:
    """
    Returns what the arrivals and departures in all watched *folders* of a mailbox come to.

    *held_elsewhere* tells whether a watched folder other than the given one holds a message with this fingerprint: only
    then an arrival may be a move whose departure is not seen yet. With one watched folder nothing waits.
    """
    result = Sorted()
    went: dict[int, list[Noted]] = defaultdict(list)
    for each in noted:
        if isinstance(each.find, Gone) and each.find.fingerprint != NO_FINGERPRINT:
            went[each.find.fingerprint].append(each)
    paired: set[int] = set()
    for each in noted:
        if isinstance(each.find, Arrived):
            departure = _departure(each, went[each.find.fingerprint], window)
            if departure:
                went[each.find.fingerprint].remove(departure)
                paired |= {id(each), id(departure)}
                result.moved.append(Moved(departure, each))
    for each in noted:
        if id(each) not in paired:
            may_wait = folders > 1 and each.find.fingerprint != NO_FINGERPRINT and now - each.at < window
            waits = may_wait and (isinstance(each.find, Gone) or held_elsewhere(each.folder, each.find.fingerprint))
            (result.waiting if waits else result.told).append(each)
    return result


def _departure(arrival: Noted, departures: list[Noted], window: timedelta) -> Noted | None:
    fitting = (each for each in departures if each.folder != arrival.folder and abs(each.at - arrival.at) <= window)
    return next(fitting, None)
