"""Mailboxes in the table `mailboxes`: a row says which account watches one, and is made once only."""

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import hashed
from shared.adapters.storage.tables.table import Table
from shared.domain.errors import Changed, TryLater
from shared.ports.records import Stored

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
                if bound := self.holder(app, user):
                    return bound.value
            else:
                return account
        raise TryLater("The mailbox is bound and freed by others at this moment.")

    def holder(self, app: str, user: str) -> Stored[str] | None:
        """Returns the id of the account that holds the mailbox."""
        row = self._table.get(_partition(app, user), _ROW)
        return Stored(str(row.columns["account"]), row.etag) if row else None

    def rebind(self, app: str, user: str, account: str, etag: str) -> None:
        """Binds what was read with *etag* to *account*; raises Changed where it was bound anew, or is free."""
        self._table.replace({"PartitionKey": _partition(app, user), "RowKey": _ROW, "account": account}, etag)

    def release(self, app: str, user: str, etag: str) -> None:
        """Frees the mailbox that was read with *etag*; raises Changed where it is bound anew; a free one is fine."""
        self._table.delete(_partition(app, user), _ROW, etag)


def _partition(app: str, user: str) -> str:
    return hashed(app, user.lower())
