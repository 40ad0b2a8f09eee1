"""Mirrors in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.mirrors import MirrorTable
from shared.adapters.storage.tables.table import Table
from shared.ports.sidecar import MirrorStore
from tests.contracts.mirrors import ANNA, MirrorStoreContract, a_mirror


class TestOnAzurite(MirrorStoreContract):
    """Mirrors on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> MirrorStore:
        """Return the mirrors."""
        return MirrorTable(connection, prefix)


def test_a_mirror_of_a_later_version_is_none(connection: StorageConnection, prefix: str) -> None:
    """A row that cannot be read goes, so that its folder gets a new baseline, which can be written."""
    store = MirrorTable(connection, prefix)
    for path in ("INBOX", "Archive"):
        store.put("anna", ANNA, [(a_mirror(path), None)], 1)
    rows = Table(connection, f"{prefix}mirrors")
    (row, _) = rows.all("", {})
    rows.replace({**row.columns, "mirror0": b"\xff" * 60}, row.etag)
    (left,) = store.all("anna")
    (lost,) = {"INBOX", "Archive"} - {left.mirror.path}
    store.put("anna", ANNA, [(a_mirror(lost), None)], 1)
    assert len(store.all("anna")) == 2
