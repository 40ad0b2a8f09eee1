"""What the stores of delegated access promise: grants, flows, watches and shards."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Changed
from shared.domain.flows import Flow, Wish
from shared.domain.grants import SHARDS, Grant, grant_id, shard_of
from shared.domain.shards import Shard
from shared.domain.watches import Watch
from shared.ports.sidecar import ShardStore, WatchStore
from shared.ports.state import FlowStore, GrantStore
from tests.contracts.examples import HOSTILE
from tests.fakes.clock import START


def grant(user: str = "anna", /, **changes: Any) -> Grant:
    """Return a grant."""
    values: dict[str, Any] = {
        "id": grant_id("app", "tenant", user),
        "app": "app",
        "tenant": "tenant",
        "user": user,
        "username": f"{user}@contoso.com",
        "secret": "grant/1",
        "revision": "1",
        "kept": START,
        "created": START,
        "updated": START,
    }
    return Grant(**{**values, **changes})


def flow(name: str = "n" * 22, /, **changes: Any) -> Flow:
    """Return a flow."""
    values: dict[str, Any] = {
        "id": name,
        "app": "app",
        "wish": Wish(account="ænna", fields={"path": ["INBOX"]}),
        "protocol": {"code_verifier": "verifier"},
        "expires": START + timedelta(days=1),
    }
    return Flow(**{**values, **changes})


def watch(name: str = "anna", /, **changes: Any) -> Watch:
    """Return a watch."""
    return Watch(**{"account": name, "incarnation": "1", "grant": grant().id, **changes})


class GrantStoreContract:
    """A subclass gives the fixture `store`."""

    def test_the_last_reader_writes(self, store: GrantStore) -> None:
        """A write with an ETag that is out of date is refused, and so is a deletion."""
        first = store.insert(grant())
        with pytest.raises(Changed):
            store.insert(grant(revision="2"))
        second = store.replace(grant(accounts=("a", "b")), first.etag)
        with pytest.raises(Changed):
            store.replace(grant(), first.etag)
        with pytest.raises(Changed):
            store.delete(grant().id, first.etag)
        assert store.get(grant().id) == second

    def test_a_deleted_grant_is_gone(self, store: GrantStore) -> None:
        """A deleted grant reads as none, cannot be replaced, and is deleted a second time without harm."""
        stored = store.insert(grant())
        store.delete(grant().id, stored.etag)
        store.delete(grant().id, stored.etag)
        assert store.get(grant().id) is None
        with pytest.raises(Changed):
            store.replace(grant(), stored.etag)

    def test_every_grant_is_found(self, store: GrantStore) -> None:
        """All grants are listed, as they are now."""
        store.insert(grant("anna"))
        first = store.insert(grant("berta"))
        store.replace(grant("berta", revision="2"), first.etag)
        gone = store.insert(grant("carl"))
        store.delete(grant("carl").id, gone.etag)
        assert sorted(store.all(), key=lambda each: each.user) == [grant("anna"), grant("berta", revision="2")]


class FlowStoreContract:
    """A subclass gives the fixture `store`."""

    def test_a_flow_is_taken_once(self, store: FlowStore) -> None:
        """Of many who take one flow at the same time, one gets it, as it was."""
        store.put(flow())
        with ThreadPoolExecutor(8) as threads:
            taken = list(threads.map(lambda _: store.take(flow().id), range(8)))
        assert [each for each in taken if each is not None] == [flow()]
        assert store.take(flow().id) is None

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_hostile_state_finds_nothing(self, store: FlowStore, name: str) -> None:
        """Whatever stands in a state, it names at most its own flow."""
        store.put(flow())
        assert store.take(name) is None

    def test_a_link_is_used_once(self, store: FlowStore) -> None:
        """The first flow that uses a link wins, however often it is told, until it is taken back."""
        until = START + timedelta(days=1)
        assert store.use("nonce", "a", until)
        assert not store.use("nonce", "b", until)
        assert store.use("nonce", "a", until)
        store.unuse("nonce")
        assert store.use("nonce", "b", until)

    def test_what_has_ended_goes(self, store: FlowStore) -> None:
        """A purge removes flows and marks that ended before its moment, and nothing else."""
        store.put(flow("old", expires=START))
        store.put(flow("young"))
        store.use("old-link", "a", START)
        assert store.purge(START + timedelta(seconds=1)) == 2
        assert store.take("old") is None
        assert store.take("young") is not None
        assert store.use("old-link", "b", START)


class ShardStoreContract:
    """A subclass gives the fixtures `store` and `watches`."""

    def test_a_new_board_is_free(self, store: ShardStore) -> None:
        """Before anybody came, there are 64 shards of nobody and no member."""
        board = store.read()
        assert [seen.shard for seen in board.shards] == [Shard(number=number) for number in range(SHARDS)]
        assert board.members == {}

    def test_a_shard_is_claimed_once(self, store: ShardStore) -> None:
        """Of two replicas that claim the same shard, one gets it, and each change of hands raises the epoch."""
        seen = store.read().shards[7]
        mine = store.claim(seen, "a")
        with pytest.raises(Changed):
            store.claim(seen, "b")
        assert (mine.shard.owner, mine.shard.epoch) == ("a", 1)
        assert store.read().shards[7] == mine
        store.release(mine)
        again = store.claim(store.read().shards[7], "b")
        assert (again.shard.owner, again.shard.epoch) == ("b", 2)

    def test_a_lost_shard_stays_the_other_s(self, store: ShardStore) -> None:
        """Releasing a shard that somebody else has by now changes nothing."""
        mine = store.claim(store.read().shards[7], "a")
        theirs = store.claim(mine, "b")
        store.release(mine)
        assert store.read().shards[7] == theirs

    def test_a_beat_changes_the_mark(self, store: ShardStore) -> None:
        """Each beat of a member gives it another mark, and leaving ends it."""
        store.beat("a")
        first = store.read().members["a"]
        store.beat("a")
        assert store.read().members["a"] != first
        store.leave("a")
        store.leave("a")
        assert store.read().members == {}

    def test_watches_are_found_by_shard(self, store: ShardStore, watches: WatchStore) -> None:
        """A watch stands in its grant's shard, whose version changes when it comes and when it goes."""
        shard = shard_of(grant().id)
        watches.put(watch("anna", look="first"))
        watches.put(watch("berta"))
        first = store.read().versions
        assert watches.of(shard) == [watch("anna", look="first"), watch("berta")]
        assert watches.of((shard + 1) % SHARDS) == []
        watches.delete(watch("anna"))
        assert watches.of(shard) == [watch("berta")]
        assert store.read().versions[shard] != first[shard]
        assert first.keys() == {shard}

    def test_another_registration_stays_watched(self, watches: WatchStore) -> None:
        """A watch of a later registration under the same key is not deleted."""
        watches.put(watch(incarnation="2"))
        watches.delete(watch(incarnation="1"))
        assert watches.of(shard_of(grant().id)) == [watch(incarnation="2")]
