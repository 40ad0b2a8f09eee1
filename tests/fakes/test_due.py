"""The due index and the cursors in memory keep the promises of the real ones."""

import pytest

from shared.ports.state import CursorStore, DueStore
from tests.contracts.due import CursorStoreContract, DueStoreContract
from tests.fakes.due import FakeCursorStore, FakeDueStore


class TestDue(DueStoreContract):
    """The due index in memory."""

    @pytest.fixture
    def store(self) -> DueStore:
        """Return the store."""
        return FakeDueStore()


class TestCursors(CursorStoreContract):
    """Cursors in memory."""

    @pytest.fixture
    def store(self) -> CursorStore:
        """Return the store."""
        return FakeCursorStore()
