"""Replicas share shards, follow their watches, and stop at once where they may not act."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from shared.domain.errors import TryLater
from shared.domain.grants import SHARDS, shard_of
from shared.domain.shards import SeenShard, Watchman
from shared.domain.watches import Watch
from sidecar.fence import Fence
from sidecar.supervisor import Supervisor
from tests.fakes.delegated import FakeShardStore, FakeWatchStore
from tests.fakes.log import FakeLog
from tests.sidecar.ground import until

LEASE = 0.8


class FakeSession:
    """Says what happened to it."""

    def __init__(self, watch: Watch, epoch: int) -> None:
        self.watch = watch
        self.epoch = epoch
        self.connected = True
        self.ended = self.lost = self.dropped = False
        self.looks = 0

    def look(self, watch: Watch) -> None:
        """Note a look."""
        self.watch = watch
        self.looks += 1

    async def stop(self, seconds: float) -> None:
        """End in order."""
        self.ended = True

    async def drop(self) -> None:
        """End at once."""
        self.ended = self.dropped = True


class Board(FakeShardStore):
    """A board that can be out of reach for one replica."""

    def __init__(self) -> None:
        super().__init__()
        self.silent: set[str] = set()

    def beat(self, replica: str) -> None:
        """Change the mark, where storage answers."""
        if replica in self.silent:
            raise TryLater("Storage does not answer.")
        super().beat(replica)


class Replica:
    """A supervisor with sessions that only say what happened to them."""

    def __init__(
        self,
        name: str,
        board: Board,
        watches: FakeWatchStore,
        *,
        fence: float = LEASE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.begun: list[FakeSession] = []
        self.supervisor = Supervisor(
            name,
            shards=board,
            watches=watches,
            watchman=Watchman(timedelta(seconds=LEASE)),
            fence=Fence(fence, clock),
            begin=self._begin,  # type: ignore[arg-type]  the fake has what a supervisor uses
            log=FakeLog(),
        )

    def accounts(self) -> set[str]:
        """Return the accounts whose mailboxes it keeps open."""
        return {session.watch.account for session in self.open()}

    def open(self) -> list[FakeSession]:
        """Return the sessions that go on."""
        return [session for session in self.begun if not session.ended]

    def _begin(self, watch: Watch, epoch: int) -> FakeSession:
        self.begun.append(FakeSession(watch, epoch))
        return self.begun[-1]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Replica"]:
        """Run it."""
        task = asyncio.create_task(self.supervisor.run())
        try:
            yield self
        finally:
            self.supervisor.stop()
            await task


@pytest.fixture
def board() -> Board:
    """Return a board of nobody."""
    return Board()


@pytest.fixture
def watches(board: Board) -> FakeWatchStore:
    """Return watches of 20 accounts, each with a grant of its own."""
    watches = FakeWatchStore(board)
    for number in range(20):
        watches.put(watch(number))
    return watches


def watch(number: int, look: str = "") -> Watch:
    """Return a watch."""
    return Watch(account=f"account-{number:02}", incarnation="1", grant=f"grant-{number}", look=look)


EVERYBODY = {watch(number).account for number in range(20)}


def test_two_replicas_share(board: Board, watches: FakeWatchStore) -> None:
    """One replica has everything, a second takes half of the shards, and no account is with both, or with none."""

    async def run() -> None:
        async with Replica("a", board, watches).running() as first:
            await until(lambda: first.accounts() == EVERYBODY)
            async with Replica("b", board, watches).running() as second:
                await until(lambda: first.supervisor.shards == second.supervisor.shards == SHARDS / 2)
                # A machine that stands still for a lease has both give up and begin anew.
                await until(lambda: sorted([*first.accounts(), *second.accounts()]) == sorted(EVERYBODY))
                await until(second.accounts)
            await until(lambda: first.accounts() == EVERYBODY)
        assert board.members == {}
        assert {seen.shard.owner for seen in board.read().shards} == {""}

    asyncio.run(run())


def test_a_silent_replica_drops_everything(board: Board, watches: FakeWatchStore) -> None:
    """Who cannot beat drops his sessions before his lease is over, another takes over, and both share later."""

    async def run() -> None:
        async with Replica("a", board, watches).running() as first, Replica("b", board, watches).running() as second:
            await until(lambda: first.supervisor.shards == second.supervisor.shards == SHARDS / 2)
            await until(first.accounts)
            held, before = first.open(), len(second.begun)
            epochs = {session.watch.account: session.epoch for session in held}
            board.silent.add("a")
            await until(lambda: not first.accounts())
            assert all(session.dropped for session in held)
            await until(lambda: not first.supervisor.healthy)
            await until(lambda: second.accounts() == EVERYBODY)
            taken = [session for session in second.begun[before:] if session.watch.account in epochs]
            assert all(session.epoch > epochs[session.watch.account] for session in taken)
            board.silent.clear()
            await until(lambda: first.supervisor.shards == second.supervisor.shards == SHARDS / 2)
            await until(lambda: first.accounts() | second.accounts() == EVERYBODY)

    asyncio.run(run())


def test_a_returning_replica_begins_under_a_new_epoch(board: Board, watches: FakeWatchStore) -> None:
    """Who was silent, and whom nobody replaced, claims his shards anew before he opens a mailbox."""

    async def run() -> None:
        async with Replica("a", board, watches).running() as alone:
            await until(lambda: alone.accounts() == EVERYBODY)
            board.silent.add("a")
            await until(lambda: not alone.accounts())
            board.silent.clear()
            await until(lambda: alone.accounts() == EVERYBODY)
            # On a busy machine it may have been silent more than once.
            assert min(session.epoch for session in alone.open()) >= 2

    asyncio.run(run())


def test_watches_are_followed(board: Board, watches: FakeWatchStore) -> None:
    """A new watch starts a session, another look stirs one, one that is gone ends it, and a lost one begins anew."""

    async def run() -> None:
        # However long the machine stands still: whoever is fenced begins sessions anew instead of stirring them.
        async with Replica("a", board, watches, fence=3600).running() as replica:
            await until(lambda: replica.accounts() == EVERYBODY)
            watches.put(watch(20))
            watches.put(watch(0, look="again"))
            watches.delete(watch(1))
            await until(lambda: watch(20).account in replica.accounts())
            await until(lambda: watch(1).account not in replica.accounts())
            await until(lambda: [each.watch.account for each in replica.begun if each.looks] == [watch(0).account])
            (lost,) = [session for session in replica.begun if session.watch.account == watch(2).account]
            lost.ended = lost.lost = True
            await until(lambda: watch(2).account in replica.accounts())
            again = watch(3).model_copy(update={"incarnation": "2"})
            watches.put(again)
            await until(lambda: [session.watch for session in replica.open()].count(again) == 1)
            assert len(replica.accounts()) == 20

    asyncio.run(run())


def test_a_slow_storage_fences_nobody(board: Board, watches: FakeWatchStore) -> None:
    """Who claims so many shards that it takes several leases says in between that he lives, and keeps them."""
    claim, now = board.claim, 0.0

    def slowly(seen: SeenShard, owner: str) -> SeenShard:
        nonlocal now
        now += LEASE / 25
        return claim(seen, owner)

    board.claim = slowly  # type: ignore[method-assign]  the same, with time passing

    async def run() -> None:
        async with Replica("a", board, watches, clock=lambda: now).running() as replica:
            await until(lambda: replica.accounts() == EVERYBODY)
            assert replica.supervisor.healthy
        assert not any(session.dropped for session in replica.begun)

    asyncio.run(run())
    assert now > 2 * LEASE


def test_what_was_dropped_begins_no_session(board: Board, watches: FakeWatchStore) -> None:
    """A shard that is dropped while its watches are read gets no session, which nobody would end."""
    read, now = watches.of, 0.0
    replica = Replica("a", board, watches, clock=lambda: now)

    def until_it_is_dropped(shard: int) -> Sequence[Watch]:
        nonlocal now
        found = read(shard)
        if found and not now:
            now = LEASE
            while replica.supervisor.shards:
                time.sleep(0.01)
        return found

    watches.of = until_it_is_dropped  # type: ignore[method-assign,assignment]  the same, at a bad moment

    async def run() -> None:
        async with replica.running():
            await until(lambda: replica.accounts() == EVERYBODY)
            assert sorted(session.watch.account for session in replica.open()) == sorted(EVERYBODY)

    asyncio.run(run())


def test_the_dead_are_buried(board: Board, watches: FakeWatchStore) -> None:
    """A member that says nothing for a lease is taken off the board, and his shards are taken."""
    board.beat("dead")
    for seen in board.read().shards[:10]:
        board.claim(seen, "dead")

    async def run() -> None:
        async with Replica("a", board, watches).running() as replica:
            await until(lambda: set(board.members) == {"a"})
            await until(lambda: replica.supervisor.shards == SHARDS)
            assert shard_of(watch(0).grant) in range(SHARDS)

    asyncio.run(run())
