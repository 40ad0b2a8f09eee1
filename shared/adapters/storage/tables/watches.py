"""
What replicas of the sidecar share, in the table `sidecar`.

The partition `board` holds a row for each member (`m-`), each shard that was ever had (`s-`) and each shard's version
(`v-`), so that one query reads all of it. Each shard's watches stand in a partition of their own.
"""

from typing import Any
from uuid import uuid4

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Table
from shared.domain.errors import Changed
from shared.domain.grants import SHARDS, shard_of
from shared.domain.shards import Board, SeenShard, Shard
from shared.domain.watches import Watch, is_same

_BOARD = "board"
_IN = "PartitionKey eq @partition"


class ShardTable:
    """Keeps the board."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}sidecar")

    def read(self) -> Board:
        """Returns the board, with one query."""
        members: dict[str, str] = {}
        versions: dict[int, str] = {}
        seen = {number: SeenShard(Shard(number=number), None) for number in range(SHARDS)}
        for row in self._table.all(_IN, {"partition": _BOARD}):
            kind, _, name = str(row.columns["RowKey"]).partition("-")
            if kind == "m":
                members[str(row.columns["name"])] = row.etag
            elif kind == "v":
                versions[int(name)] = row.etag
            else:
                shard = unpack(Shard, row.columns)
                seen[shard.number] = SeenShard(shard, row.etag)
        return Board(members=members, shards=list(seen.values()), versions=versions)

    def beat(self, replica: str) -> None:
        """Changes the mark of *replica*, which makes it a member."""
        self._table.put({"PartitionKey": _BOARD, "RowKey": f"m-{safe(replica)}", "name": replica})

    def leave(self, replica: str) -> None:
        """Removes the member; one that is gone is fine."""
        self._table.delete(_BOARD, f"m-{safe(replica)}")

    def claim(self, seen: SeenShard, replica: str) -> SeenShard:
        """Gives the shard to *replica* under the next epoch; raises Changed where somebody was faster."""
        return self._write(seen, seen.shard.model_copy(update={"owner": replica, "epoch": seen.shard.epoch + 1}))

    def release(self, seen: SeenShard) -> None:
        """Gives the shard to nobody, where it is still as it was seen."""
        try:
            self._write(seen, seen.shard.model_copy(update={"owner": ""}))
        except Changed:
            # Somebody took it for dead and has it now.
            return

    def _write(self, seen: SeenShard, shard: Shard) -> SeenShard:
        columns = {"PartitionKey": _BOARD, "RowKey": f"s-{shard.number:03}", **pack(shard)}
        if seen.etag is None:
            return SeenShard(shard, self._table.insert(columns))
        return SeenShard(shard, self._table.replace(columns, seen.etag))


class WatchTable:
    """Keeps watches by the shard of their grant."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}sidecar")

    def put(self, watch: Watch) -> None:
        """Overwrites the watch, and has the owner of its shard look."""
        self._table.put(_columns(watch))
        self._look(watch)

    def delete(self, watch: Watch) -> None:
        """Removes the watch where it is of the same incarnation, and has the owner of its shard look."""
        place = _columns(watch)
        row = self._table.get(place["PartitionKey"], place["RowKey"])
        if row is not None and is_same(unpack(Watch, row.columns), watch):
            try:
                self._table.delete(place["PartitionKey"], place["RowKey"], row.etag)
            except Changed:
                # The account was registered anew in this moment, and is watched again.
                return
        self._look(watch)

    def of(self, shard: int) -> list[Watch]:
        """Returns the watches of a shard."""
        rows = self._table.all(_IN, {"partition": _partition(shard)})
        return [unpack(Watch, row.columns) for row in rows]

    def _look(self, watch: Watch) -> None:
        # After the watch: whoever sees the new version finds the watch as it is now.
        number = f"v-{shard_of(watch.grant):03}"
        self._table.put({"PartitionKey": _BOARD, "RowKey": number, "mark": uuid4().hex})


def _columns(watch: Watch) -> dict[str, Any]:
    return {"PartitionKey": _partition(shard_of(watch.grant)), "RowKey": safe(watch.account), **pack(watch)}


def _partition(shard: int) -> str:
    return f"w-{shard:03}"
