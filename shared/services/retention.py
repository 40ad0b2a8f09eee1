"""Retention: deliveries, payloads, sightings and poison go when they are old, by the month and not by the row."""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.retention import purged_before
from shared.ports.machine import Clock, Log
from shared.ports.state import Retention


@dataclass(frozen=True)
class Purges:
    """Purges what is older than it is `kept`."""

    retention: Retention
    clock: Clock
    log: Log
    kept: timedelta

    def purge(self) -> int:
        """Drops every table of a month that is old enough, and returns how many that were; repeating it is fine."""
        before = purged_before(self.clock.now(), self.kept)
        tables = self.retention.purge(before)
        self.log.event("retention.purged", tables=tables, before=before)
        return tables
