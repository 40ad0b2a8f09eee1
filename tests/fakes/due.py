"""The due index and the cursors in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock

from shared.domain.due import Due, Heartbeat


class FakeDueStore:
    """Keeps the due index; `reads` counts how often somebody looked."""

    def __init__(self) -> None:
        self._entries: set[Due] = set()
        self._heartbeat: Heartbeat | None = None
        self._lock = Lock()
        self.reads = 0

    def put(self, due: Due) -> None:
        """Add an entry."""
        with self._lock:
            self._entries.add(due)

    def within(self, hour: datetime, until: datetime, limit: int) -> list[Due]:
        """Return what is due in an hour."""
        self.reads += 1
        last = min(until, hour + timedelta(hours=1) - timedelta(microseconds=1))
        return [due for due in self.all() if hour <= due.at <= last][:limit]

    def remove(self, entries: Sequence[Due]) -> None:
        """Remove entries."""
        with self._lock:
            self._entries -= set(entries)

    def heartbeat(self) -> Heartbeat | None:
        """Return how far the ticks have come."""
        return self._heartbeat

    def beat(self, heartbeat: Heartbeat) -> None:
        """Overwrite how far the ticks have come."""
        self._heartbeat = heartbeat

    def all(self) -> list[Due]:
        """Return every entry, the earliest first."""
        with self._lock:
            return sorted(self._entries, key=lambda due: (due.at, due.kind, due.subject, due.incarnation or ""))


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
