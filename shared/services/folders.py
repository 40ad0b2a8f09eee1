"""
Folders: where a message is, without asking the backend for every one.

A tree is kept by everybody for a while; a folder that is in no tree has the tree read anew, once for all the messages
that ask at the same time.
"""

from datetime import timedelta

from shared.domain.accounts import Account
from shared.domain.folders import Folder, FolderTree
from shared.domain.mailboxes import registration_of
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Clock
from shared.ports.microsoft365 import Mailboxes
from shared.ports.records import Stored
from shared.ports.state import FolderStore
from shared.services.lookups import Lookup

_FRESH = timedelta(seconds=10)


class Folders:
    """Finds folders of accounts; *kept* remembers the trees of *store*."""

    def __init__(
        self,
        accounts: Lookup[Stored[Account] | None],
        apps: Lookup[Stored[OAuth2App] | None],
        mailboxes: Mailboxes,
        store: FolderStore,
        *,
        kept: Lookup[FolderTree | None],
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._apps = apps
        self._mailboxes = mailboxes
        self._store = store
        self._kept = kept
        self._fresh = Lookup(self._read, clock, _FRESH)

    def find(self, account: Account, folder_id: str) -> Folder | None:
        """Returns the folder, or None where the mailbox has none by this id; raises what opening the mailbox raises."""
        tree = self._kept.get(account.key)
        folder = tree.find(folder_id) if tree else None
        # The folder is younger than the tree, or nobody has read the tree yet.
        return folder or self._fresh.get(account.key).find(folder_id)

    def _read(self, key: str) -> FolderTree:
        account = self._accounts.get(key)
        app = self._apps.get(account.value.app) if account else None
        if account is None or app is None:
            return FolderTree()
        tree = self._mailboxes.probe(app.value, account.value.user, registration_of(account.value))
        self._store.put(key, tree)
        self._kept.forget(key)
        return tree
