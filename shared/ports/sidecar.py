"""What replicas of the sidecar share: who has which shard, and which mailboxes are in it."""

from typing import Protocol

from shared.domain.shards import Board, SeenShard
from shared.domain.watches import Watch


class WatchStore(Protocol):
    """Keeps watches by the shard of their grant."""

    def put(self, watch: Watch) -> None:
        """Overwrites the watch, and has the owner of its shard look."""

    def delete(self, watch: Watch) -> None:
        """Removes the watch where it is of the same incarnation, and has the owner of its shard look."""

    def of(self, shard: int) -> list[Watch]:
        """Returns the watches of a shard."""


class ShardStore(Protocol):
    """Keeps the board."""

    def read(self) -> Board:
        """Returns the board, with one query."""

    def beat(self, replica: str) -> None:
        """Changes the mark of *replica*, which makes it a member."""

    def leave(self, replica: str) -> None:
        """Removes the member; one that is gone is fine."""

    def claim(self, seen: SeenShard, replica: str) -> SeenShard:
        """Gives the shard to *replica* under the next epoch; raises Changed where somebody was faster."""

    def release(self, seen: SeenShard) -> None:
        """Gives the shard to nobody, where it is still as it was seen."""
