"""Accounts in the table `accounts`: a partition for each account, with all that hangs on it."""

from collections.abc import Iterator, Mapping
from typing import Any

from azure.core import MatchConditions

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables import cursors, folders
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Operation, Row, Table
from shared.domain.accounts import Account, AccountState
from shared.domain.census import Counted
from shared.domain.errors import Changed
from shared.domain.folders import FolderTree
from shared.ports.records import Page, Stored

_ROW = "account"
_ACCOUNTS = "RowKey eq @row"
_WITH_ANOTHER = "PartitionKey eq @partition and ( RowKey eq @row or RowKey eq @other )"


class AccountTable:
    """Keeps accounts by key."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}accounts")

    def get(self, key: str) -> Stored[Account] | None:
        """Returns the account as it is now."""
        row = self._table.get(safe(key), _ROW)
        return Stored(_account(row), row.etag) if row else None

    def get_with_folders(self, key: str) -> tuple[Stored[Account] | None, FolderTree | None]:
        """Returns the account as it is now and its folder tree, in one request."""
        stored, tree = self._with(key, folders.ROW)
        return stored, folders.tree_of(tree) if tree else None

    def get_with_cursors(self, key: str) -> tuple[Stored[Account] | None, Mapping[str, str]]:
        """Returns the account as it is now and how far its folders were followed, in one request."""
        stored, links = self._with(key, cursors.ROW)
        return stored, cursors.links_of(links) if links else {}

    def insert(self, account: Account) -> Stored[Account]:
        """Adds an account; raises Changed where its key is taken."""
        return Stored(account, self._table.insert(_columns(account)))

    def replace(self, account: Account, etag: str) -> Stored[Account]:
        """Overwrites the account that was read with *etag*; raises Changed where it is another one now, or gone."""
        return Stored(account, self._table.replace(_columns(account), etag))

    def delete(self, key: str, etag: str | None) -> None:
        """Removes the account that was read with *etag*, and all that hangs on it; raises Changed where it changed."""
        partition = safe(key)
        rows = self._table.all("PartitionKey eq @partition", {"partition": partition}, select=["RowKey"])
        names = [row.columns["RowKey"] for row in rows]
        if etag is None and _ROW in names:
            raise Changed("Another account is there by now.")
        # All of it goes at once, or nothing where the account is another one now.
        unchanged = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        operations: list[Operation] = [
            ("delete", {"PartitionKey": partition, "RowKey": name}, unchanged if name == _ROW else {}) for name in names
        ]
        if operations:
            self._table.transact(operations)

    def page(self, position: dict[str, str] | None, limit: int, *, state: AccountState | None = None) -> Page[Account]:
        """Returns up to *limit* accounts after *position*, in the order of their keys."""
        condition = f"{_ACCOUNTS} and state eq @state" if state else _ACCOUNTS
        values = {"row": _ROW, "state": str(state)} if state else {"row": _ROW}
        rows, after = self._table.page(condition, values, position=position, limit=limit)
        return Page([_account(row) for row in rows], after)

    def all(self) -> Iterator[Account]:
        """Returns every account, in the order of their keys; it costs O(accounts)."""
        return (_account(row) for row in self._table.all(_ACCOUNTS, {"row": _ROW}))

    def count(self) -> Iterator[Counted]:
        """Returns what a census asks of every account, and no account itself."""
        wanted = ["state", "expires", "polling"]
        return (_counted(row) for row in self._table.all(_ACCOUNTS, {"row": _ROW}, select=wanted))

    def _with(self, key: str, other: str) -> tuple[Stored[Account] | None, Row | None]:
        values = {"partition": safe(key), "row": _ROW, "other": other}
        found = {row.columns["RowKey"]: row for row in self._table.all(_WITH_ANOTHER, values)}
        row = found.get(_ROW)
        return Stored(_account(row), row.etag) if row else None, found.get(other)


def _columns(account: Account) -> dict[str, Any]:
    # `account`, `app` and `state` stand beside the record so that storage itself can choose by them; `expires` and
    # `polling` so that a census need not read it.
    ends = {"expires": account.subscription.expires} if account.subscription else {}
    return {
        "PartitionKey": safe(account.key),
        "RowKey": _ROW,
        "account": account.id,
        "app": account.app,
        "state": str(account.state),
        "polling": account.polling,
        **ends,
        **pack(account),
    }


def _account(row: Row) -> Account:
    return unpack(Account, row.columns)


def _counted(row: Row) -> Counted:
    columns = row.columns
    return Counted(str(columns["state"]), columns.get("expires"), polling=bool(columns.get("polling")))
