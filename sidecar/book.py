"""
The book of one account: what was told of its mailbox, in storage, behind the fence.

What is found is saved together with the mirrors that it was found with, and only then queued. Whoever reads the book
next queues it again, unless it was settled, and goes on from these mirrors.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from shared.domain.accounts import Account
from shared.domain.changes import ChangeBatch
from shared.domain.errors import Changed, TryLater
from shared.domain.mirrors import Mirror
from shared.domain.untold import pack_untold, unpack_untold
from shared.ports.machine import Log
from shared.ports.queues import ChangeQueue
from shared.ports.sidecar import MirrorStore, StoredMirror, Turn
from sidecar.fence import Fence, Fenced
from sidecar.news import Folder


@dataclass(eq=False)
class Book:
    """Reads and writes the mirrors of *account* under one *epoch*, and puts on the queue what they say."""

    mirrors: MirrorStore
    changes: ChangeQueue
    fence: Fence
    account: Account
    epoch: int
    log: Log
    _turn: int = field(default=0, init=False)
    _unsettled: Folder | None = field(default=None, init=False)

    @property
    def mailbox(self) -> str:
        """What its mirrors are of: the registration, the mailbox, and which of its folders."""
        return f"{self._owner}{json.dumps(self.account.options.get('path'))}"

    async def read(self) -> dict[str, StoredMirror]:
        """
        Returns the mirrors by path; those of a former registration or another mailbox are removed.

        What was saved last, and may not have been told, is queued before.
        """
        kept = {}
        for stored in await asyncio.to_thread(self.mirrors.all, self.account.key):
            if stored.mailbox.startswith(self._owner):
                kept[stored.mirror.path] = stored
            else:
                await self.forget(stored.mirror.path)
        self._turn = max((stored.turn for stored in kept.values()), default=0)
        for path, stored in kept.items():
            if stored.untold and stored.turn == self._turn:
                # It may have been told, so who expands it looks before it posts.
                batch = unpack_untold(stored.untold).tried()
                await self._queue(batch, next((each.correlation for each in batch.changes), None))
                kept[path] = replace(stored, etag=await self._settled(path, stored.etag), untold=b"")
        return kept

    async def tell(
        self,
        batch: ChangeBatch,
        saved: Sequence[tuple[Folder, Mirror]],
        gone: Sequence[Folder],
        correlation: str | None = None,
    ) -> None:
        """
        Saves the mirrors that *batch* was found with, and it with them, and only then queues it.

        *correlation* is that of its changes. Raises Fenced before anything is written, and Changed where somebody else
        has the account. What fails half-way is told by the next book.
        """
        untold = pack_untold(batch) if batch.size and saved else None
        if batch.size and untold is None:
            # More than a row holds: a crash repeats what is found, as it is by then.
            await self._queue(batch, correlation)
        if saved or gone:
            await self._save(saved, gone, untold or b"")
        if untold is not None:
            await self._queue(batch, correlation)
            self._unsettled = saved[0][0]

    async def settle(self) -> None:
        """Notes that everything is told, which spares the next reader a repetition; never raises."""
        folder, self._unsettled = self._unsettled, None
        if folder is not None and folder.etag is not None:
            with suppress(TryLater, Changed, Fenced):
                folder.etag = await self._settled(folder.path, folder.etag)

    async def forget(self, path: str) -> None:
        """Removes the mirror of a folder."""
        self.fence.check()
        await asyncio.to_thread(self.mirrors.delete, self.account.key, path)

    async def _queue(self, batch: ChangeBatch, correlation: str | None) -> None:
        self.fence.check()
        await asyncio.to_thread(self.changes.put, batch)
        self.log.event(
            "mailbox.told",
            account=self.account.id,
            correlation=correlation,
            changes=len(batch.changes),
            events=len(batch.account_events),
        )

    async def _save(self, saved: Sequence[tuple[Folder, Mirror]], gone: Sequence[Folder], untold: bytes) -> None:
        self.fence.check()
        self._turn, self._unsettled = self._turn + 1, None
        turn = Turn(
            number=self._turn, untold=untold, gone=[(each.path, each.etag) for each in gone if each.etag is not None]
        )
        mirrors = [(mirror, folder.etag) for folder, mirror in saved]
        etags = await asyncio.to_thread(self.mirrors.put, self.account.key, self.mailbox, mirrors, self.epoch, turn)
        for (folder, mirror), etag in zip(saved, etags, strict=True):
            folder.told = folder.now = mirror
            folder.etag, folder.dated = etag, False

    async def _settled(self, path: str, etag: str) -> str:
        self.fence.check()
        return await asyncio.to_thread(self.mirrors.settle, self.account.key, path, etag, self.epoch)

    @property
    def _owner(self) -> str:
        return f"{self.account.incarnation}/{self.account.user}\n"
