"""OAuth2 applications in the table `oauthapps`: few, so all stand in one partition, sorted by id."""

from collections.abc import Iterator
from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Table
from shared.domain.errors import NewerRecord
from shared.domain.oauth2 import OAuth2App
from shared.ports.records import Stored

_PARTITION = "oauth2"


class OAuth2AppTable:
    """Keeps OAuth2 applications by id."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}oauthapps")

    def get(self, app: str) -> Stored[OAuth2App] | None:
        """Returns the application."""
        row = self._table.get(_PARTITION, safe(app))
        return Stored(unpack(OAuth2App, row.columns), row.etag) if row else None

    def insert(self, app: OAuth2App) -> None:
        """Adds an application; raises Changed where its id is taken."""
        self._table.insert(_columns(app))

    def replace(self, app: OAuth2App, etag: str) -> None:
        """Overwrites the application that was read with *etag*; raises Changed where it is another one now."""
        self._table.replace(_columns(app), etag)

    def delete(self, app: str, etag: str | None = None) -> None:
        """Removes the application, with *etag* only as it was read: else raises Changed; one that is gone is fine."""
        self._table.delete(_PARTITION, safe(app), etag)

    def all(self) -> Iterator[OAuth2App]:
        """Returns every application in the order of their ids (there are few), but for those of a newer version."""
        for row in self._table.all("PartitionKey eq @partition", {"partition": _PARTITION}):
            try:
                yield unpack(OAuth2App, row.columns)
            except NewerRecord:
                # A provider, a cloud or a credential that is not known here: nobody can sign in through it.
                continue


def _columns(app: OAuth2App) -> dict[str, Any]:
    return {"PartitionKey": _PARTITION, "RowKey": safe(app.id), **pack(app)}
