"""
Retention: deliveries, payloads, sightings and poison go when they are old, by the month and not by the row.

Service secrets that sign no more, secrets of applications that have another, and what sign-ins left behind go too.
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.retention import purged_before
from shared.ports.machine import Machine
from shared.ports.state import Retention
from shared.services.instance_settings import InstanceSettingsService
from shared.services.leftovers import Leftovers
from shared.services.oauth2 import OAuth2Apps


@dataclass(frozen=True)
class Purges:
    """Purges what is older than it is `kept`."""

    retention: Retention
    settings: InstanceSettingsService
    apps: OAuth2Apps
    leftovers: Leftovers
    machine: Machine
    kept: timedelta

    def purge(self) -> int:
        """Drops every table of a month that is old enough, and returns how many that were; repeating it is fine."""
        began = self.machine.clock.now()
        before = purged_before(began, self.kept)
        tables = self.retention.purge(before)
        secrets = self.settings.forget_secrets() + self.apps.forget_secrets()
        self.leftovers.purge()
        milliseconds = (self.machine.clock.now() - began) // timedelta(milliseconds=1)
        self.machine.log.event(
            "retention.purged", tables=tables, secrets=secrets, before=before, milliseconds=milliseconds
        )
        return tables
