"""The book of one account: what was told of its mailbox, in storage, behind the fence."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.accounts import Account
from shared.domain.changes import ChangeBatch
from shared.domain.mirrors import Mirror
from shared.ports.machine import Log
from shared.ports.queues import ChangeQueue
from shared.ports.sidecar import MirrorStore, StoredMirror
from sidecar.fence import Fence
from sidecar.news import Folder


@dataclass(frozen=True)
class Book:
    """Reads and writes the mirrors of *account* under one *epoch*, and puts on the queue what they say."""

    mirrors: MirrorStore
    changes: ChangeQueue
    fence: Fence
    account: Account
    epoch: int
    log: Log

    @property
    def mailbox(self) -> str:
        """What its mirrors are of: the registration, the mailbox, and which of its folders."""
        return f"{self._owner}{json.dumps(self.account.options.get('path'))}"

    async def read(self) -> dict[str, StoredMirror]:
        """Returns the mirrors by path; those of a former registration or another mailbox are removed."""
        kept = {}
        for stored in await asyncio.to_thread(self.mirrors.all, self.account.key):
            if stored.mailbox.startswith(self._owner):
                kept[stored.mirror.path] = stored
            else:
                await self.forget(stored.mirror.path)
        return kept

    async def tell(
        self,
        batch: ChangeBatch,
        saved: Sequence[tuple[Folder, Mirror]],
        gone: Sequence[Folder],
        correlation: str | None = None,
    ) -> None:
        """
        Queues *batch*, and only then saves the mirrors that it was found with; *correlation* is that of its changes.

        Raises Fenced before anything is written, and Changed where somebody else has the account.
        """
        if batch.size:
            self.fence.check()
            await asyncio.to_thread(self.changes.put, batch)
            self.log.event(
                "mailbox.told",
                account=self.account.id,
                correlation=correlation,
                changes=len(batch.changes),
                events=len(batch.account_events),
            )
        if saved:
            self.fence.check()
            mirrors = [(mirror, folder.etag) for folder, mirror in saved]
            etags = await asyncio.to_thread(self.mirrors.put, self.account.key, self.mailbox, mirrors, self.epoch)
            for (folder, mirror), etag in zip(saved, etags, strict=True):
                folder.told = folder.now = mirror
                folder.etag, folder.dated = etag, False
        for folder in gone:
            await self.forget(folder.path)

    async def forget(self, path: str) -> None:
        """Removes the mirror of a folder."""
        self.fence.check()
        await asyncio.to_thread(self.mirrors.delete, self.account.key, path)

    @property
    def _owner(self) -> str:
        return f"{self.account.incarnation}/{self.account.user}\n"
