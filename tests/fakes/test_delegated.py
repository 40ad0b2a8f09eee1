"""The stores of delegated access in memory keep the promises of the real ones."""

import pytest

from shared.ports.sidecar import MirrorStore, ShardStore, WatchStore
from shared.ports.state import FlowStore, GrantStore
from tests.contracts.delegated import FlowStoreContract, GrantStoreContract, ShardStoreContract
from tests.contracts.mirrors import MirrorStoreContract
from tests.fakes.delegated import FakeFlowStore, FakeGrantStore, FakeMirrorStore, FakeShardStore, FakeWatchStore


class TestGrants(GrantStoreContract):
    """Grants in memory."""

    @pytest.fixture
    def store(self) -> GrantStore:
        """Return the store."""
        return FakeGrantStore()


class TestFlows(FlowStoreContract):
    """Flows in memory."""

    @pytest.fixture
    def store(self) -> FlowStore:
        """Return the store."""
        return FakeFlowStore()


class TestShards(ShardStoreContract):
    """Shards and watches in memory."""

    @pytest.fixture
    def store(self) -> ShardStore:
        """Return the board."""
        return FakeShardStore()

    @pytest.fixture
    def watches(self, store: FakeShardStore) -> WatchStore:
        """Return the watches."""
        return FakeWatchStore(store)


class TestMirrors(MirrorStoreContract):
    """Mirrors in memory."""

    @pytest.fixture
    def store(self) -> MirrorStore:
        """Return the mirrors."""
        return FakeMirrorStore()
