"""The due index and the cursors in memory."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from heapq import nsmallest
from threading import Lock
from typing import Any

from shared.domain.due import Due, Heartbeat
from shared.domain.errors import Changed
from shared.ports.records import Stored


class FakeDueStore:
    """Keeps the due index; `reads` counts how often somebody looked."""

    def __init__(self) -> None:
        self._hours: defaultdict[datetime, set[Due]] = defaultdict(set)
        self._heartbeat: Stored[Heartbeat] | None = None
        self._lock = Lock()
        self.reads = 0

    def put(self, due: Due) -> None:
        """Add an entry."""
        self.put_all([due])

    def put_all(self, entries: Sequence[Due]) -> None:
        """Add entries."""
        with self._lock:
            for due in entries:
                self._hours[_hour_of(due.at)].add(due)

    def within(self, since: datetime, until: datetime, limit: int) -> list[Due]:
        """Return what is due between the hour of *since* and *until*."""
        self.reads += 1
        with self._lock:
            hours = [hour for hour in self._hours if _hour_of(since) <= hour <= until]
            return _earliest(limit, (due for hour in hours for due in self._hours[hour] if due.at <= until))

    def remove(self, entries: Sequence[Due]) -> None:
        """Remove entries."""
        with self._lock:
            for due in entries:
                self._hours[_hour_of(due.at)].discard(due)

    def heartbeat(self) -> Stored[Heartbeat] | None:
        """Return how far the ticks have come."""
        return self._heartbeat

    def beat(self, heartbeat: Heartbeat, etag: str | None) -> str:
        """Overwrite how far the ticks have come."""
        with self._lock:
            known = self._heartbeat.etag if self._heartbeat else None
            if known != etag:
                raise Changed("The heartbeat is another one now.")
            self._heartbeat = Stored(heartbeat, str(int(known or 0) + 1))
            return self._heartbeat.etag

    def all(self) -> list[Due]:
        """Return every entry, the earliest first."""
        with self._lock:
            entries = [due for hour in self._hours.values() for due in hour]
            return _earliest(len(entries), entries)


class FakeCursorStore:
    """Keeps how far folders were followed; `writes` counts how often that was written."""

    def __init__(self) -> None:
        self._links: dict[str, dict[str, str]] = {}
        self.writes = 0

    def get(self, key: str) -> dict[str, str]:
        """Return the links."""
        return dict(self._links.get(key, {}))

    def put(self, key: str, links: Mapping[str, str]) -> None:
        """Overwrite the links."""
        self._links[key] = dict(links)
        self.writes += 1

    def drop(self, key: str) -> None:
        """Forget the links, as a store does whose account goes."""
        self._links.pop(key, None)


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _earliest(limit: int, entries: Iterable[Due]) -> list[Due]:
    def order(due: Due) -> Any:
        return due.at, due.kind, due.subject, due.incarnation or ""

    return nsmallest(limit, entries, key=order)
