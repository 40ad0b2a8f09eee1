"""
Shards: how replicas of the sidecar share the accounts, by leases in storage.

Every replica beats: it overwrites its own member row. A member is alive while its row keeps changing, by the watcher's
own clock, so that no clocks need to agree. A shard belongs to the replica that its row names, and each change of hands
raises its epoch: what a former owner still writes under an older epoch is refused. So a replica that was paused cannot
do harm, and one that died is replaced once its row has stood still for the lease.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.models import Carried


class Shard(Carried):
    """A shard and who has it; nobody where `owner` is empty."""

    number: int
    owner: str = ""
    epoch: int = 0


@dataclass(frozen=True)
class SeenShard:
    """A shard as it was read; `etag` is None for one that nobody has ever had."""

    shard: Shard
    etag: str | None


@dataclass(frozen=True)
class Board:
    """
    All that replicas tell each other: members by name with the mark of their last beat, shards, and their versions.

    A shard's version is another one whenever an account in it was added, changed or removed.
    """

    members: Mapping[str, str]
    shards: Sequence[SeenShard]
    versions: Mapping[int, str]


@dataclass(frozen=True)
class Moves:
    """What a replica does next: shards to claim from nobody or from the dead, and shards to hand back."""

    claim: tuple[SeenShard, ...] = ()
    release: tuple[SeenShard, ...] = ()


@dataclass
class Watchman:
    """Tells who is alive, from how long ago each member's mark was last seen to change."""

    lease: timedelta
    _marks: dict[str, tuple[str, float]] = field(default_factory=dict)

    def alive(self, members: Mapping[str, str], now: float) -> frozenset[str]:
        """Returns the members whose mark changed within the lease; *now* is in seconds of any steady clock."""
        for name, mark in members.items():
            seen = self._marks.get(name)
            if seen is None or seen[0] != mark:
                self._marks[name] = (mark, now)
        for name in self._marks.keys() - members.keys():
            del self._marks[name]
        patience = self.lease.total_seconds()
        return frozenset(name for name, (_, since) in self._marks.items() if now - since < patience)


def moves(board: Board, me: str, alive: frozenset[str]) -> Moves:
    """
    Returns what *me* should claim and release so that the living share the shards evenly.

    Claims are spread by name, so that two replicas that start together seldom want the same shard.
    """
    living = sorted(alive | {me})
    total = len(board.shards)
    mine = [seen for seen in board.shards if seen.shard.owner == me]
    most = -(-total // len(living))
    free = [seen for seen in board.shards if seen.shard.owner != me and seen.shard.owner not in alive]
    start = living.index(me) * total // len(living)
    free.sort(key=lambda seen: (seen.shard.number - start) % max(total, 1))
    surplus = mine[most:] if len(mine) > most else []
    return Moves(claim=tuple(free[: max(0, most - len(mine))]), release=tuple(surplus))
