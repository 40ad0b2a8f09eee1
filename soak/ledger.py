"""The ledger: what really happened in the mailboxes, what went wrong with it, and so what must have been told."""

import threading
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

Told = tuple[str, str]


@dataclass
class Occurrence:
    """Something that happened to a message: the event that must come of it, when, and which faults hit it."""

    event: str
    mailbox: str
    message: str
    at: float
    hits: set[str] = field(default_factory=set)

    @property
    def key(self) -> Told:
        """What tells it from all others: each message is new once, and changes once at most."""
        return self.event, self.message


@dataclass
class Ledger:
    """All occurrences, and how often each fault was injected."""

    injected: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _occurrences: dict[Told, Occurrence] = field(default_factory=dict)
    _under_way: set[str] = field(default_factory=set)
    _gaps: dict[str, str] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def happened(self, event: str, mailbox: str, message: str, at: float) -> None:
        """Keep an occurrence; the faults that are under way hit it."""
        with self._lock:
            hits = set(self._under_way)
            if mailbox in self._gaps:
                hits.add(self._gaps[mailbox])
            self._occurrences[event, message] = Occurrence(event, mailbox, message, at, hits)

    def all(self) -> list[Occurrence]:
        """Return every occurrence."""
        with self._lock:
            return list(self._occurrences.values())

    def wanted(self) -> set[Told]:
        """Return the events that must come."""
        with self._lock:
            return set(self._occurrences)

    def begin(self, fault: str, accepted: Collection[Told]) -> None:
        """Have a fault hit all that is not *accepted* yet, and all that happens until it ends."""
        with self._lock:
            self.injected[fault] += 1
            self._under_way.add(fault)
            for key, occurrence in self._occurrences.items():
                if key not in accepted:
                    occurrence.hits.add(fault)

    def end(self, fault: str) -> None:
        """End a fault that began."""
        with self._lock:
            self._under_way.discard(fault)

    def open_gap(self, fault: str, mailbox: str) -> None:
        """Have a fault hit all that happens in one mailbox."""
        with self._lock:
            self.injected[fault] += 1
            self._gaps[mailbox] = fault

    def close_gaps(self, watched: Collection[str]) -> None:
        """End the faults of the mailboxes that are watched again."""
        with self._lock:
            for mailbox in set(self._gaps) & set(watched):
                del self._gaps[mailbox]

    def hit(self, fault: str, message: str, at: float) -> None:
        """Have a fault hit the last that had happened to a message by then."""
        with self._lock:
            before = [each for each in self._of(message) if each.at <= at + 0.05]
            if before:
                max(before, key=lambda each: each.at).hits.add(fault)

    def _of(self, message: str) -> Iterator[Occurrence]:
        events = ("messageNew", "messageUpdated", "messageMoved", "messageDeleted")
        return (self._occurrences[event, message] for event in events if (event, message) in self._occurrences)
