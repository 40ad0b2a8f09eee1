"""
Sequence maps: a folder as its connection sees it this moment.

While a folder is open, the server names messages by their places: `3 EXPUNGE` is about the third. The UIDs in order are
the map from places to messages, as long as every line is followed in order; a line that does not fit puts it out of
step.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from shared.domain.mirrors import NO_FINGERPRINT, Mirror, Seen


class SequenceMap:
    """
    The messages of an open folder in order, starting from a mirror.

    `exists` is how many the server says there are; the last of them may not be known yet. `in_step` is whether places
    can be trusted. Mirrors that were taken share its memory until it changes.
    """

    def __init__(self, mirror: Mirror) -> None:
        self.path = mirror.path
        self.uidvalidity = mirror.uidvalidity
        self.uidnext = mirror.uidnext
        self.exists = len(mirror.uids)
        self.in_step = True
        self._uids = mirror.uids
        self._flags = bytearray(mirror.flags)
        self._prints = mirror.prints
        self._shared = True

    def __len__(self) -> int:
        return len(self._uids)

    @property
    def settled(self) -> bool:
        """Tells whether all that the server says to exist is known, and nothing else."""
        return self.in_step and self.exists == len(self._uids)

    def mirror(self, changes: int) -> Mirror:
        """Returns the mirror of this moment."""
        self._shared = True
        return Mirror(self.path, self.uidvalidity, self.uidnext, self._uids, bytes(self._flags), self._prints, changes)

    def saw_exists(self, number: int) -> None:
        """Follows `number EXISTS`: only EXPUNGE may make it fewer."""
        if number < len(self._uids):
            self.in_step = False
        self.exists = number

    def saw_expunge(self, place: int) -> None:
        """Follows `place EXPUNGE`: what stands behind it moves up."""
        if not 1 <= place <= self.exists:
            self.in_step = False
            return
        self.exists -= 1
        if self.in_step and place <= len(self._uids):
            self._own()
            del self._uids[place - 1], self._flags[place - 1], self._prints[place - 1]

    def saw_flags(self, place: int, uid: int | None, flags: int) -> bool:
        """Follows `place FETCH (FLAGS ...)`, whether or not it names the UID; tells whether that was news."""
        if uid is None and not self.in_step:
            return False
        index = place - 1 if uid is None else self._index(uid)
        if index is None or not 0 <= index < len(self._uids):
            return False
        if index != place - 1:
            self.in_step = False
        news = self._flags[index] != flags
        self._flags[index] = flags
        return news

    def add(self, seen: Iterable[Seen]) -> None:
        """Notes messages as the server shows them now, known or not."""
        for each in sorted(seen, key=lambda each: each.uid):
            index = bisect_left(self._uids, each.uid)
            if index < len(self._uids) and self._uids[index] == each.uid:
                self._renew(index, each)
                continue
            self._own()
            self._uids.insert(index, each.uid)
            self._prints.insert(index, each.fingerprint)
            self._flags.insert(index, each.flags)
            self.uidnext = max(self.uidnext, each.uid + 1)

    def keep(self, alive: AbstractSet[int]) -> None:
        """Drops every message whose UID is not among *alive*."""
        places = [place for place, uid in enumerate(self._uids) if uid in alive]
        if len(places) == len(self._uids):
            return
        self._uids = array("I", (self._uids[place] for place in places))
        self._prints = array("I", (self._prints[place] for place in places))
        self._flags = bytearray(self._flags[place] for place in places)
        self._shared = False

    def missing(self, alive: Iterable[int]) -> list[int]:
        """Returns which of the UIDs *alive* are not known."""
        known = set(self._uids)
        return [uid for uid in alive if uid not in known]

    def newest(self, number: int | None) -> range:
        """Returns the span of UIDs that holds the newest *number* messages, or all of them."""
        if not self._uids:
            return range(0)
        first = 0 if number is None else max(0, len(self._uids) - number)
        return range(self._uids[first], self._uids[-1] + 1)

    def windows(self, span: range, size: int) -> Iterable[tuple[int, int]]:
        """Returns the UIDs from which to which *size* known messages lie, until *span* is covered."""
        first = bisect_left(self._uids, span.start)
        end = bisect_left(self._uids, span.stop)
        starts = range(first, end, size)
        return [(self._uids[start], self._uids[min(start + size, end) - 1]) for start in starts]

    def _renew(self, index: int, seen: Seen) -> None:
        self._flags[index] = seen.flags
        if seen.fingerprint not in (NO_FINGERPRINT, self._prints[index]):
            self._own()
            self._prints[index] = seen.fingerprint

    def _index(self, uid: int) -> int | None:
        index = bisect_left(self._uids, uid)
        return index if index < len(self._uids) and self._uids[index] == uid else None

    def _own(self) -> None:
        if self._shared:
            self._uids, self._prints = self._uids[:], self._prints[:]
            self._shared = False
