"""An ear: a connection that listens to one folder, and can be hushed to be asked something."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from sidecar.folder_watch import NEWEST, FolderWatch
from sidecar.imap.connection import IDLE_SECONDS, Connection
from sidecar.imap.errors import Refusal
from sidecar.news import Folder


@dataclass(frozen=True, slots=True)
class Line:
    """A connection that is signed in, and the end of the token that it was opened with."""

    connection: Connection
    expires: datetime


@dataclass(eq=False)
class Ear:
    """Listens to *folder* on *line*; between `listen` and `hush` nobody else uses the connection."""

    line: Line
    folder: Folder
    _watch: FolderWatch = field(init=False)
    _listening: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._watch = FolderWatch(self.line.connection, self.folder.path, self.folder.now)

    @property
    def listening(self) -> asyncio.Task[None] | None:
        """What ends when there is something to hear."""
        return self._listening

    async def open(self, *, newest: int | None = None) -> None:
        """Opens the folder (again) and brings it up to date."""
        self.folder.now = (await self._watch.open(newest=newest)).mirror

    def listen(self, wake: Callable[[], None]) -> None:
        """Begins to listen, where it does not yet; calls *wake* whenever that ends."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._watch.idle(IDLE_SECONDS))
            self._listening.add_done_callback(lambda _: wake())

    async def hush(self) -> None:
        """Ends listening, where it has not ended; raises the Refusal that ended it."""
        listening, self._listening = self._listening, None
        if listening is None:
            return
        if not listening.done():
            self._watch.interrupt()
        await listening

    async def hear(self) -> None:
        """Hushes, and learns what was said meanwhile."""
        await self.hush()
        self.folder.now = (await self._watch.refresh()).mirror

    async def scan(self, *, newest: int | None = NEWEST) -> None:
        """Hushes, and reads the flags of the *newest* messages again, or of all."""
        await self.hush()
        self.folder.now = (await self._watch.scan(newest=newest)).mirror

    async def change(self, line: Line) -> None:
        """Goes on over another connection, which is up to date before the former one ends."""
        await self.hear()
        former, self.line = self.line, line
        self._watch = FolderWatch(line.connection, self.folder.path, self.folder.now)
        try:
            await self.open()
        finally:
            await former.connection.logout()

    async def close(self) -> None:
        """Leaves in order, which frees the connection's place; never raises."""
        with suppress(Refusal):
            await self.hush()
        await self.line.connection.logout()

    async def drop(self) -> None:
        """Breaks the connection off."""
        self.line.connection.abort()
        if self._listening is not None:
            await asyncio.gather(self._listening, return_exceptions=True)
