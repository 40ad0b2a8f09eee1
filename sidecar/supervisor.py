"""
The supervisor: which shards this replica has, and so which mailboxes it keeps open.

It beats, reads the board, and draws the consequences, every few seconds. Storage may fail at any of it; then the next
turn does what is left. A replica that could not beat for most of its lease drops everything before it writes again.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from shared.domain.errors import Changed, RelayError
from shared.domain.failures import explained
from shared.domain.shards import Board, SeenShard, Watchman, moves
from shared.domain.watches import Watch, is_same
from shared.ports.machine import Log
from shared.ports.sidecar import ShardStore, WatchStore
from sidecar.fence import Fence
from sidecar.session import Session

Thing = TypeVar("Thing")

_LONGEST_TICK = 5.0
_TICKS = 4
_DRAIN = 8.0
# How many shards are claimed, or loaded, at once; a beat may come between.
_TOGETHER = 8


@dataclass(eq=False)
class _Held:
    """A shard that is ours: as it was seen last, the version of its watches that was read, and its sessions."""

    seen: SeenShard
    version: str | None = None
    loaded: bool = False
    sessions: dict[str, Session] = field(default_factory=dict)


class Supervisor:
    """Runs the mailboxes of the shards that *me* has among the replicas."""

    def __init__(
        self,
        me: str,
        *,
        shards: ShardStore,
        watches: WatchStore,
        watchman: Watchman,
        fence: Fence,
        begin: Callable[[Watch, int], Session],
        log: Log,
    ) -> None:
        self.me = me
        self._shards = shards
        self._watches = watches
        self._watchman = watchman
        self._fence = fence
        self._begin = begin
        self._log = log
        self._held: dict[int, _Held] = {}
        self._leaving: set[int] = set()
        self._errands: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()

    @property
    def shards(self) -> int:
        """How many shards are ours."""
        return len(self._held)

    @property
    def sessions(self) -> list[Session]:
        """The sessions that run."""
        return [each for held in self._held.values() for each in held.sessions.values() if not each.ended]

    @property
    def beat_age(self) -> float | None:
        """How many seconds ago this replica last said that it lives."""
        return self._fence.age

    @property
    def healthy(self) -> bool:
        """Tells whether this replica may act."""
        return self._fence.open

    def stop(self) -> None:
        """Has `run` end in order."""
        self._ending.set()

    async def run(self) -> None:
        """Runs until `stop`, then hands over what it has."""
        watchdog = asyncio.create_task(self._guard(self._pause / 2))
        try:
            while not self._ending.is_set():
                await self._safely(self._tick())
                await self._rest(self._pause)
        finally:
            watchdog.cancel()
            await self._leave()

    @property
    def _pause(self) -> float:
        return min(_LONGEST_TICK, self._watchman.lease.total_seconds() / _TICKS)

    async def _tick(self) -> None:
        await self._beat()
        board = await asyncio.to_thread(self._shards.read)
        alive = self._watchman.alive(board.members, self._fence.now())
        await self._bury(board.members.keys() - alive)
        await self._follow(board)
        plan = moves(board, self.me, alive)
        for seen in plan.release:
            self._hand_over(seen.shard.number)
        ours = [
            seen
            for seen in board.shards
            if seen.shard.owner == self.me and seen.shard.number not in self._held.keys() | self._leaving
        ]
        for free in _some([*ours, *plan.claim]):
            await self._beat_in_time()
            await asyncio.gather(*(self._claim(seen) for seen in free))
        for mine in _some(list(self._held.values())):
            await self._beat_in_time()
            await asyncio.gather(*(self._load(held, board) for held in mine))

    async def _beat(self) -> None:
        began = self._fence.now()
        await asyncio.to_thread(self._shards.beat, self.me)
        if not self._fence.open:
            # What ran before the silence is somebody else's by now, as far as we know.
            await self._drop(list(self._held))
        self._fence.beaten(began)

    async def _beat_in_time(self) -> None:
        """Beats within a long tick: who claims all shards of a slow storage must not lose them over that."""
        if self._fence.age is None or self._fence.age >= self._pause:
            await self._beat()

    async def _follow(self, board: Board) -> None:
        """Drops what somebody else has by now."""
        for seen in board.shards:
            held = self._held.get(seen.shard.number)
            if held is None:
                continue
            if (seen.shard.owner, seen.shard.epoch) == (self.me, held.seen.shard.epoch):
                held.seen = seen
            else:
                self._log.event("shard.lost", shard=seen.shard.number, owner=seen.shard.owner)
                await self._drop([seen.shard.number])

    async def _claim(self, seen: SeenShard) -> None:
        with suppress(Changed):
            mine = await asyncio.to_thread(self._shards.claim, seen, self.me)
            self._held[mine.shard.number] = _Held(mine)

    async def _load(self, held: _Held, board: Board) -> None:
        """Starts, stops and stirs sessions as the watches of the shard say, where they have another version."""
        number = held.seen.shard.number
        version = board.versions.get(number)
        watches = None
        if not held.loaded or held.version != version:
            watches = {each.account: each for each in await asyncio.to_thread(self._watches.of, number)}
        if self._held.get(number) is not held:
            # It was dropped meanwhile: nobody would end what begins now.
            return
        if watches is not None:
            self._adapt(held, watches)
            held.loaded, held.version = True, version
        for account, session in held.sessions.items():
            if session.ended and session.lost:
                held.sessions[account] = self._begin(session.watch, held.seen.shard.epoch)

    def _adapt(self, held: _Held, watches: dict[str, Watch]) -> None:
        for account, session in list(held.sessions.items()):
            if account not in watches or session.ended or not is_same(session.watch, watches[account]):
                del held.sessions[account]
                self._later(session.stop(_DRAIN))
        for account, watch in watches.items():
            known = held.sessions.get(account)
            if known is None:
                held.sessions[account] = self._begin(watch, held.seen.shard.epoch)
            elif known.watch.look != watch.look:
                known.look(watch)

    async def _bury(self, dead: Iterable[str]) -> None:
        for name in dead:
            self._log.event("replica.gone", replica=name)
            await asyncio.to_thread(self._shards.leave, name)

    def _hand_over(self, number: int) -> None:
        held = self._held.pop(number, None)
        if held is not None:
            self._leaving.add(number)
            self._later(self._release(held))

    async def _release(self, held: _Held) -> None:
        try:
            await asyncio.gather(*(session.stop(_DRAIN) for session in held.sessions.values()))
            await asyncio.to_thread(self._shards.release, held.seen)
        finally:
            self._leaving.discard(held.seen.shard.number)

    async def _drop(self, numbers: Iterable[int]) -> None:
        dropped = [held for number in numbers if (held := self._held.pop(number, None))]
        await asyncio.gather(*(session.drop() for held in dropped for session in held.sessions.values()))

    async def _guard(self, pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            if self._held and not self._fence.open:
                self._log.problem("replica.fenced", replica=self.me, silent=self._fence.age)
                await self._drop(list(self._held))

    async def _leave(self) -> None:
        for number in list(self._held):
            self._hand_over(number)
        await asyncio.gather(*self._errands)
        await self._safely(asyncio.to_thread(self._shards.leave, self.me))

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()

    def _later(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._safely(errand))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _safely(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except RelayError as busy:
            self._log.problem("supervisor.interrupted", replica=self.me, error=str(busy))
        except Exception as problem:  # noqa: BLE001  whatever it is, the next turn comes
            self._log.problem("supervisor.broken", replica=self.me, **explained(problem))


def _some(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    return (things[start : start + _TOGETHER] for start in range(0, len(things), _TOGETHER))
