"""What replicas of the sidecar share: who has which shard, which mailboxes are in it, and what was told of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.mirrors import Mirror
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


@dataclass(frozen=True, slots=True)
class StoredMirror:
    """
    A mirror as it was read; `mailbox` names the registration and the mailbox that it is of.

    `turn` counts the times that something of the mailbox was saved. `untold` is what was found then and may not be on
    the queue yet; only that of the last turn counts.
    """

    mirror: Mirror
    mailbox: str
    etag: str
    turn: int = 0
    untold: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is saved besides mirrors: its `number`, what is `untold`, and which folders are `gone`, by path and ETag."""

    number: int = 0
    untold: bytes = b""
    gone: Sequence[tuple[str, str]] = ()


FIRST_TURN = Turn()


class MirrorStore(Protocol):
    """Keeps the mirrors of an account's folders; an ETag is opaque, and good for the one who read it."""

    def all(self, account: str) -> list[StoredMirror]:
        """Returns the mirrors of the account; one that cannot be read any more goes, and makes room for a new one."""

    def put(
        self,
        account: str,
        mailbox: str,
        mirrors: Sequence[tuple[Mirror, str | None]],
        epoch: int,
        turn: Turn = FIRST_TURN,
    ) -> list[str]:
        """
        Overwrites mirrors that were read with their ETags, adds those whose ETag is None, and returns the new ones.

        The first one carries what *turn* leaves untold; mirrors of folders that are gone go. All or none, where they
        are not megabytes, and what is untold never last. Raises Changed where one is another now, or was written under
        a later epoch.
        """

    def settle(self, account: str, path: str, etag: str, epoch: int) -> str:
        """
        Notes that what the mirror at *path* carries is told, and returns its new ETag.

        Raises Changed where it is another now, or was written under a later epoch.
        """

    def delete(self, account: str, path: str) -> None:
        """Removes the mirror of the folder at *path*; one that is gone is fine."""

    def drop(self, account: str) -> None:
        """Removes every mirror of the account."""
