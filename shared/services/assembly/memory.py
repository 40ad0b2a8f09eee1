"""Memory: what a process remembers of the rows that hot paths read, and every group of use cases shares."""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.accounts import Account
from shared.domain.oauth2 import OAuth2App
from shared.domain.webhooks import Webhook
from shared.ports.outside import Outside
from shared.ports.records import Stored
from shared.services.lookups import Lookup
from shared.services.quotas import Quotas

# How stale another process's word may be. Settings take effect quickly; accounts and folders hardly change.
SETTINGS_TTL = timedelta(seconds=10)
RECORD_TTL = timedelta(seconds=60)


@dataclass(frozen=True)
class Memory:
    """What one use case reads or forgets, all others read or forget with it."""

    accounts: Lookup[Stored[Account] | None]
    apps: Lookup[Stored[OAuth2App] | None]
    webhooks: Lookup[Stored[Webhook] | None]
    quotas: Quotas


def assemble_memory(outside: Outside) -> Memory:
    """Returns a memory that knows nothing yet."""
    clock = outside.machine.clock
    return Memory(
        accounts=Lookup(outside.accounts.get, clock, RECORD_TTL),
        apps=Lookup(outside.apps.get, clock, RECORD_TTL),
        webhooks=Lookup(outside.webhooks.get, clock, SETTINGS_TTL),
        quotas=Quotas(outside.quotas, outside.machine),
    )
