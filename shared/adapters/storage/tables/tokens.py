"""Access tokens in the table `tokens`: one partition, sorted by id."""

from collections.abc import Iterator

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Table
from shared.domain.tokens import Token

_PARTITION = "token"


class TokenTable:
    """Keeps access tokens by id."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}tokens")

    def get(self, token: str) -> Token | None:
        """Returns the token."""
        row = self._table.get(_PARTITION, safe(token))
        return unpack(Token, row.columns) if row else None

    def insert(self, token: Token) -> None:
        """Adds a token; its id is a hash of random bytes, so writing it twice after a lost answer does no harm."""
        self._table.put({"PartitionKey": _PARTITION, "RowKey": safe(token.id), **pack(token)})

    def delete(self, token: str) -> bool:
        """Removes the token and tells whether there was one."""
        return self._table.delete(_PARTITION, safe(token))

    def all(self) -> Iterator[Token]:
        """Returns every token in the order of their ids."""
        rows = self._table.all("PartitionKey eq @partition", {"partition": _PARTITION})
        return (unpack(Token, row.columns) for row in rows)
