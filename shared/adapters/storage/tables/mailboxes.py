"""Mailboxes in the table `mailboxes`: a row says which account watches one, and can be written once only."""

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import hashed
from shared.adapters.storage.tables.table import Table
from shared.domain.errors import Changed, TryLater

_ROW = "mailbox"
_TRIES = 5


class MailboxTable:
    """Keeps which account watches a mailbox, so that no mailbox is watched twice."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}mailboxes")

    def bind(self, app: str, user: str, account: str) -> str:
        """Binds the mailbox to *account* where it is free, and returns the id of the account that holds it."""
        partition = _partition(app, user)
        for _ in range(_TRIES):
            try:
                self._table.insert({"PartitionKey": partition, "RowKey": _ROW, "account": account})
            except Changed:
                if holder := self.holder(app, user):
                    return holder
            else:
                return account
        raise TryLater("The mailbox is bound and freed by others at this moment.")

    def holder(self, app: str, user: str) -> str | None:
        """Returns the id of the account that holds the mailbox."""
        row = self._table.get(_partition(app, user), _ROW)
        return str(row.columns["account"]) if row else None

    def release(self, app: str, user: str, account: str) -> None:
        """Frees the mailbox where *account* holds it."""
        partition = _partition(app, user)
        row = self._table.get(partition, _ROW)
        if row and row.columns["account"] == account:
            try:
                self._table.delete(partition, _ROW, row.etag)
            except Changed:
                # Only a release and another binding change a row, so it is not ours any more.
                return


def _partition(app: str, user: str) -> str:
    return hashed(app, user.lower())
