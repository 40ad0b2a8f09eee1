"""Flows in a table keep the promises of their port, and show nobody what they hold."""

from datetime import timedelta

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.seal import Seal
from shared.adapters.storage.tables.flows import FlowTable
from shared.adapters.storage.tables.table import Table
from shared.ports.state import FlowStore
from tests.contracts.delegated import FlowStoreContract, flow
from tests.fakes.clock import START
from tests.fakes.storage_wire import WiredConnection

OLD, NEW = {"k1": b"1" * 32}, {"k2": b"2" * 32}


class TestOnAzurite(FlowStoreContract):
    """Flows on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> FlowStore:
        """Return the store."""
        return FlowTable(connection, Seal(OLD), prefix)


def test_a_row_tells_nothing(connection: StorageConnection, prefix: str) -> None:
    """Neither the verifier nor who signs in can be read in a row."""
    FlowTable(connection, Seal(OLD), prefix).put(flow())
    rows = list(Table(connection, f"{prefix}flows").all("RowKey eq 'flow'", {}))
    assert len(rows) == 1
    assert "verifier" not in str(rows[0].columns)
    assert "nna" not in str(rows[0].columns)


def test_a_flow_outlives_a_new_key(connection: StorageConnection, prefix: str) -> None:
    """While the former key is still there, what it sealed opens; after it, the flow is gone like an old one."""
    FlowTable(connection, Seal(OLD), prefix).put(flow("a"))
    FlowTable(connection, Seal(OLD), prefix).put(flow("b"))
    assert FlowTable(connection, Seal(NEW | OLD), prefix).take("a") == flow("a")
    assert FlowTable(connection, Seal(NEW), prefix).take("b") is None


def test_a_lost_answer_uses_no_link_up(wired: WiredConnection, prefix: str) -> None:
    """A flow that marked a link without hearing of it has used the link, and no other flow has."""
    store, until = FlowTable(wired, Seal(OLD), prefix), START + timedelta(days=1)
    store.put(flow())
    wired.wire.lose = 1
    assert store.use("nonce", "a", until)
    assert not store.use("nonce", "b", until)
