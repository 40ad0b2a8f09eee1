"""The storage account of these tests: Azurite, and names that no other test uses."""

from collections.abc import Callable

import pytest

from shared.adapters.storage.connection import QUICK, StorageConnection
from tests.fakes.storage_wire import WiredConnection


@pytest.fixture(scope="session")
def connection(azurite: str) -> StorageConnection:
    """Return the way to Azurite."""
    return StorageConnection(connection_string=azurite)


@pytest.fixture
def wired(azurite: str) -> WiredConnection:
    """Return the way to Azurite over a wire that can be watched and cut."""
    return WiredConnection(connection_string=azurite)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have calls that usually wait for seconds only wait for an Azurite that takes its time."""
    monkeypatch.setitem(QUICK, "read_timeout", 60)


@pytest.fixture
def prefix(unique: Callable[[str], str]) -> str:
    """Return what tables and queues of this test begin with."""
    return unique("t")
