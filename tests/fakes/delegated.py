"""Grants, flows, watches and shards in memory, with the real stores' promises."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from threading import Lock
from time import sleep

from shared.domain.errors import Changed, GrantRefused, SignInRefused, TryLater
from shared.domain.flows import Flow
from shared.domain.grants import SHARDS, Grant, shard_of
from shared.domain.mirrors import Mirror
from shared.domain.oauth2 import OAuth2App
from shared.domain.shards import Board, SeenShard, Shard
from shared.domain.watches import Watch, is_same
from shared.ports.machine import Clock
from shared.ports.records import Stored
from shared.ports.sidecar import FIRST_TURN, StoredMirror, Turn
from shared.ports.sign_ins import Refreshed
from tests.fakes.stores import Records


class FakeGrantStore:
    """Keeps grants."""

    def __init__(self) -> None:
        self._records = Records[Grant]()

    def get(self, grant: str) -> Stored[Grant] | None:
        """Return the grant."""
        return self._records.read(grant)

    def insert(self, grant: Grant) -> Stored[Grant]:
        """Add a grant."""
        return self._records.add(grant.id, grant)

    def replace(self, grant: Grant, etag: str) -> Stored[Grant]:
        """Overwrite a grant."""
        return self._records.swap(grant.id, grant, etag)

    def delete(self, grant: str, etag: str) -> None:
        """Remove a grant."""
        self._records.remove(grant, etag)

    def all(self) -> Iterator[Grant]:
        """Return every grant."""
        return iter([grant for _, grant in self._records.sorted()])


class FakeFlowStore:
    """Keeps flows, and which links were used."""

    def __init__(self) -> None:
        self.flows: dict[str, Flow] = {}
        self.used: dict[str, tuple[str, datetime]] = {}
        self._lock = Lock()

    def put(self, flow: Flow) -> None:
        """Add a flow."""
        self.flows[flow.id] = flow

    def take(self, flow: str) -> Flow | None:
        """Remove the flow and return it."""
        return self.flows.pop(flow, None)

    def use(self, link: str, flow: str, until: datetime) -> bool:
        """Mark the link as used by a flow, and tell whether it was that flow."""
        with self._lock:
            by, _ = self.used.setdefault(link, (flow, until))
            return by == flow

    def unuse(self, link: str) -> None:
        """Take the mark back."""
        self.used.pop(link, None)

    def purge(self, before: datetime) -> int:
        """Remove what has ended."""
        flows = [flow.id for flow in self.flows.values() if flow.expires < before]
        links = [link for link, (_, until) in self.used.items() if until < before]
        for flow in flows:
            del self.flows[flow]
        for link in links:
            del self.used[link]
        return len(flows) + len(links)


class FakeShardStore:
    """Keeps the board; `versions` is what a FakeWatchStore beside it writes."""

    def __init__(self) -> None:
        self._shards = Records[Shard]()
        self._marks = count(1)
        self.members: dict[str, str] = {}
        self.versions: dict[int, str] = {}

    def read(self) -> Board:
        """Return the board."""
        shards = []
        for number in range(SHARDS):
            stored = self._shards.read(str(number))
            shards.append(SeenShard(stored.value, stored.etag) if stored else SeenShard(Shard(number=number), None))
        return Board(members=dict(self.members), shards=shards, versions=dict(self.versions))

    def beat(self, replica: str) -> None:
        """Change the member's mark."""
        self.members[replica] = str(next(self._marks))

    def leave(self, replica: str) -> None:
        """Remove the member."""
        self.members.pop(replica, None)

    def claim(self, seen: SeenShard, replica: str) -> SeenShard:
        """Give the shard to a replica."""
        return self._write(seen, Shard(number=seen.shard.number, owner=replica, epoch=seen.shard.epoch + 1))

    def release(self, seen: SeenShard) -> None:
        """Give the shard to nobody."""
        try:
            self._write(seen, seen.shard.model_copy(update={"owner": ""}))
        except Changed:
            return

    def changed(self, shard: int) -> None:
        """Give the shard another version."""
        self.versions[shard] = str(next(self._marks))

    def _write(self, seen: SeenShard, shard: Shard) -> SeenShard:
        name = str(shard.number)
        stored = self._shards.add(name, shard) if seen.etag is None else self._shards.swap(name, shard, seen.etag)
        return SeenShard(stored.value, stored.etag)


class FakeWatchStore:
    """Keeps watches; the board is where it says that something changed."""

    def __init__(self, board: FakeShardStore) -> None:
        self._board = board
        self.watches: dict[str, Watch] = {}

    def put(self, watch: Watch) -> None:
        """Overwrite the watch."""
        self.watches[watch.account] = watch
        self._board.changed(shard_of(watch.grant))

    def delete(self, watch: Watch) -> None:
        """Remove the watch."""
        kept = self.watches.get(watch.account)
        if kept is not None and is_same(kept, watch):
            del self.watches[watch.account]
        self._board.changed(shard_of(watch.grant))

    def of(self, shard: int) -> list[Watch]:
        """Return the watches of a shard."""
        return sorted((w for w in self.watches.values() if shard_of(w.grant) == shard), key=lambda watch: watch.account)


class FakeMirrorStore:
    """Keeps mirrors; `writes` counts them."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], tuple[StoredMirror, int]] = {}
        self._marks = count(1)
        self.writes = 0

    def all(self, account: str) -> list[StoredMirror]:
        """Return the mirrors of an account."""
        return [stored for (owner, _), (stored, _) in self.kept.items() if owner == account]

    def put(
        self,
        account: str,
        mailbox: str,
        mirrors: Sequence[tuple[Mirror, str | None]],
        epoch: int,
        turn: Turn = FIRST_TURN,
    ) -> list[str]:
        """Overwrite or add mirrors, and remove those of folders that are gone."""
        for path, etag in [*((mirror.path, etag) for mirror, etag in mirrors), *turn.gone]:
            self._check(account, path, etag, epoch)
        etags = []
        untold = turn.untold
        for mirror, _ in mirrors:
            stored = StoredMirror(mirror, mailbox, str(next(self._marks)), turn.number, untold)
            self.kept[account, mirror.path] = stored, epoch
            etags.append(stored.etag)
            untold = b""
        for path, _ in turn.gone:
            del self.kept[account, path]
        self.writes += 1
        return etags

    def settle(self, account: str, path: str, etag: str, epoch: int) -> str:
        """Forget what a mirror carries."""
        stored = self._check(account, path, etag, epoch)
        if stored is None:
            raise Changed
        settled = replace(stored, untold=b"", etag=str(next(self._marks)))
        self.kept[account, path] = settled, epoch
        self.writes += 1
        return settled.etag

    def _check(self, account: str, path: str, etag: str | None, epoch: int) -> StoredMirror | None:
        kept, written = self.kept.get((account, path), (None, 0))
        if (kept.etag if kept else None) != etag or written > epoch:
            raise Changed
        return kept

    def delete(self, account: str, path: str) -> None:
        """Remove a mirror."""
        self.kept.pop((account, path), None)

    def drop(self, account: str) -> None:
        """Remove the mirrors of an account."""
        for owner, path in [key for key in self.kept if key[0] == account]:
            del self.kept[owner, path]


class FakeGrantTokens:
    """
    Refreshes grants.

    `refused` holds refresh tokens that Entra takes no more, `busy` has it fail for now, `wrong` for the application.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = count(1)
        self.asked: list[str] = []
        self.refused: set[str] = set()
        self.busy: TryLater | None = None
        self.wrong: SignInRefused | None = None
        self.rotates = True
        self.lifetime = timedelta(hours=1)
        self.pause = 0.0

    def refresh(self, app: OAuth2App, refresh_token: str) -> Refreshed:
        """Return a fresh token."""
        self.asked.append(refresh_token)
        sleep(self.pause)
        if self.busy is not None:
            raise self.busy
        if self.wrong is not None:
            raise self.wrong
        if refresh_token in self.refused:
            raise GrantRefused("The grant has expired.", reason="AADSTS700082", mend="Sign in again.")
        number = next(self._numbers)
        return Refreshed(
            access_token=f"access-{number}",
            refresh_token=f"refresh-{number}" if self.rotates else None,
            expires=self._clock.now() + self.lifetime,
            scopes=("IMAP.AccessAsUser.All", "SMTP.Send"),
        )
