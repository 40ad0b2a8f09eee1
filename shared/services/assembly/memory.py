"""Memory: what a process remembers of the rows that hot paths read, and every group of use cases shares."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.accounts import Account
from shared.domain.folders import FolderTree
from shared.domain.oauth2 import OAuth2App
from shared.domain.webhooks import Webhook
from shared.ports.outside import Outside
from shared.ports.records import Stored
from shared.ports.state import AccountStore
from shared.services.lookups import Lookup
from shared.services.quotas import Quotas

# How stale another process's word may be. Settings take effect quickly; accounts and folders hardly change.
SETTINGS_TTL = timedelta(seconds=10)
RECORD_TTL = timedelta(seconds=60)
_FOLDERS_TTL = timedelta(minutes=15)


@dataclass(frozen=True)
class Memory:
    """What one use case reads or forgets, all others read or forget with it."""

    accounts: Lookup[Stored[Account] | None]
    folders: Lookup[FolderTree | None]
    apps: Lookup[Stored[OAuth2App] | None]
    webhooks: Lookup[Stored[Webhook] | None]
    quotas: Quotas


def assemble_memory(outside: Outside) -> Memory:
    """Returns a memory that knows nothing yet."""
    clock = outside.machine.clock
    folders = Lookup(outside.folders.get, clock, _FOLDERS_TTL)
    return Memory(
        accounts=Lookup(_with_folders(outside.accounts, folders), clock, RECORD_TTL),
        folders=folders,
        apps=Lookup(outside.apps.get, clock, RECORD_TTL),
        webhooks=Lookup(outside.webhooks.get, clock, SETTINGS_TTL),
        quotas=Quotas(outside.quotas, outside.machine),
    )


def _with_folders(store: AccountStore, folders: Lookup[FolderTree | None]) -> Callable[[str], Stored[Account] | None]:
    """Returns how an account is found: with its folders, which are asked for next, unless they are known."""

    def find(key: str) -> Stored[Account] | None:
        if folders.has(key):
            return store.get(key)
        since = folders.mark(key)
        account, tree = store.get_with_folders(key)
        if tree is not None:
            folders.keep(key, tree, since)
        return account

    return find
