"""
A mailbox that is watched: one connection listens to its main folder and looks at the others now and then.

One task does everything, in turns: it waits until something stirs or is due, looks, and tells. Before a departure is
told, and before an arrival of which another folder holds a likeness, the other folders are looked at: it may be a move.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.accounts import Account
from shared.domain.mirrors import Mirror
from shared.ports.machine import Machine
from sidecar.book import Book
from sidecar.choice import chosen, named
from sidecar.ear import Ear, Line
from sidecar.folder_watch import NEWEST, FolderWatch
from sidecar.imap.connection import Connection
from sidecar.imap.errors import Code, Refusal
from sidecar.imap.folders import INBOX, ImapFolder, folder_status, list_folders
from sidecar.imap.responses import Counts
from sidecar.news import Folder, News, news_of
from sidecar.telling import tell
from sidecar.timetable import Pace, Timetable

# An arrival that may be a move is held back for as long as its departure may still come to light.
_WINDOW = timedelta(seconds=3)
_LOOKS = 3
_LOOK_AGAIN = 1.0
# The bytes of flags that hold \\Seen.
_SEEN = bytes(flags for flags in range(256) if flags & 1)


@dataclass(frozen=True)
class Surroundings:
    """What a mailbox needs: how to open a connection (None where there is no room for another), and the machine."""

    connect: Callable[[], Awaitable[Line]]
    extra: Callable[[], Awaitable[Line | None]]
    machine: Machine
    pace: Pace


@dataclass(eq=False)
class Mailbox:
    """Watches the mailbox of *account*; every method raises the connections' Refusal, and what the book raises."""

    account: Account
    book: Book
    around: Surroundings
    _ears: list[Ear] = field(default_factory=list)
    _folders: dict[str, Folder] = field(default_factory=dict)
    _due: Timetable = field(init=False)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _asked: bool = False
    _leaving: bool = False

    def __post_init__(self) -> None:
        self._due = Timetable(self.around.pace)

    async def open(self) -> None:
        """Opens the mailbox and tells what happened since it was last open; nothing of one that is new to us."""
        line = await self.around.connect()
        try:
            await self._take_up(line)
        except BaseException:
            line.connection.abort()
            raise
        await self._tell()
        self._due.begin(_now())
        self._plan_renewal()

    async def run(self) -> None:
        """Watches until `leave`."""
        while not self._leaving:
            for ear in self._ears:
                ear.listen(self._woken.set)
            await self._wait()
            if self._leaving:
                break
            await self._do_what_is_due()
            await self._tell()

    def stir(self) -> None:
        """Has everything looked at soon, as if it were due."""
        self._asked = True
        self._woken.set()

    def leave(self) -> None:
        """Has `run` end once what is under way is told and saved."""
        self._leaving = True
        self._woken.set()

    async def close(self) -> None:
        """Leaves the server in order, and the book settled."""
        await asyncio.gather(self.book.settle(), *(ear.close() for ear in self._ears))

    async def drop(self) -> None:
        """Breaks off."""
        await asyncio.gather(*(ear.drop() for ear in self._ears))

    @property
    def _main(self) -> Ear:
        return self._ears[0]

    async def _take_up(self, line: Line) -> None:
        told = await self.book.read()
        listed = await list_folders(line.connection)
        watched = self._chosen(listed)
        main = next((each for each in watched if each.path == INBOX), watched[0])
        # The main folder is saved last: where it has no mirror of this choice of folders, others may lack theirs.
        known = main.path in told and told[main.path].mailbox == self.book.mailbox
        for each in [*(each for each in watched if each is not main), main]:
            stored = told.pop(each.path, None)
            mirror = stored.mirror if stored else None
            self._folders[each.path] = Folder(
                each,
                mirror,
                stored.etag if stored else None,
                mirror,
                before=not known,
                dated=each is main and not known,
            )
        paths = {each.path for each in listed}
        for path, stored in told.items():
            if path in paths:
                await self.book.forget(path)
            else:
                folder = ImapFolder(path, "/", None)
                self._folders[path] = Folder(folder, stored.mirror, stored.etag, stored.mirror, gone=True)
        await self._look(line.connection, [each for each in self._folders.values() if each.path != main.path])
        # The folder that is opened last is the one that is listened to.
        self._ears = [Ear(line, self._folders[main.path])]
        await self._main.open()
        for each in named(watched, self.account.options.get("subconnections") or ()):
            await self._listen_to(each)

    def _chosen(self, listed: Sequence[ImapFolder]) -> list[ImapFolder]:
        watched = chosen(listed, self.account.options.get("path"))
        if not watched:
            raise Refusal(Code.NO_FOLDER, "none of the folders that the account's path names is there")
        return watched

    async def _listen_to(self, wanted: ImapFolder) -> None:
        if wanted.path == self._main.folder.path:
            return
        line = await self.around.extra()
        if line is None:
            return
        ear = Ear(line, self._folders[wanted.path])
        try:
            await ear.open()
        except BaseException:
            line.connection.abort()
            raise
        self._ears.append(ear)

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._due.wait(_now())):
                await self._woken.wait()
        # What woke us is looked at by itself; one ear too many, that we hushed ourselves, merely costs a round.
        self._woken.clear()

    async def _do_what_is_due(self) -> None:
        now = _now()
        if self._asked:
            self._asked = False
            self._due.stir(now)
        if now >= self._due.renew:
            await self._renew()
        for ear in self._ears:
            if ear.listening and ear.listening.done():
                await ear.hear()
        full, scan, poll = now >= self._due.full, now >= self._due.scan, now >= self._due.poll
        if full or scan:
            for ear in self._ears:
                await ear.scan(newest=None if full else NEWEST)
        if full or poll:
            await self._poll(full=full)
        self._due.done(_now(), poll=full or poll, scan=full or scan, full=full)

    def _plan_renewal(self) -> None:
        self._due.expire(_now(), min(ear.line.expires for ear in self._ears) - self.around.machine.clock.now())

    async def _renew(self) -> None:
        for ear in self._ears:
            line = await self.around.connect()
            if line.expires <= ear.line.expires:
                # The token is still the same one: nobody could renew it just now.
                await line.connection.logout()
                self._due.renew_again(_now(), line.expires - self.around.machine.clock.now())
                return
            await ear.change(line)
        self._plan_renewal()

    async def _poll(self, *, full: bool = False) -> None:
        """Looks which folders there are, and at those that nobody listens to."""
        await self._main.hear()
        listed = await list_folders(self._main.line.connection)
        watched = {each.path: each for each in self._chosen(listed)}
        for path, folder in self._folders.items():
            folder.gone = path not in watched
            folder.folder = watched.get(path, folder.folder)
        for path, each in watched.items():
            if path not in self._folders:
                self._folders[path] = Folder(each, None, None, None)
        if self._main.folder.gone:
            raise Refusal(Code.NO_FOLDER, "the main folder was removed")
        for ear in [ear for ear in self._ears if ear.folder.gone]:
            self._ears.remove(ear)
            await ear.close()
        await self._look_at_others(full=full)

    async def _look_at_others(self, *, full: bool = False) -> None:
        heard = {ear.folder.path for ear in self._ears}
        others = [each for path, each in self._folders.items() if path not in heard and not each.gone]
        await self._main.hush()
        if await self._look(self._main.line.connection, others, full=full):
            await self._main.open(newest=NEWEST)
        else:
            await self._main.hear()

    async def _look_around(self) -> None:
        for ear in self._ears[1:]:
            await ear.hear()
        await self._look_at_others()

    async def _look(self, connection: Connection, folders: Sequence[Folder], *, full: bool = False) -> bool:
        """Brings folders up to date, and tells whether one had to be opened for that."""
        opened = False
        for folder in folders:
            if folder.gone:
                continue
            try:
                status = await folder_status(connection, folder.path)
                if not full and (status == folder.status or _is_same(folder.now, status)):
                    continue
                opened = True
                watch = FolderWatch(connection, folder.path, folder.now)
                folder.now = (await watch.open(newest=None if full else NEWEST)).mirror
                folder.status = status
            except Refusal as refused:
                # It was just removed, or is one that Exchange lists and does not open; the next listing tells.
                if connection.ended or refused.code not in {Code.NO_FOLDER, Code.NOT_DONE}:
                    raise
        return opened

    async def _tell(self) -> None:
        """Tells what there is to tell, after looking again where it may turn out to be something else."""
        for look in range(_LOOKS):
            news = self._news(window=_WINDOW)
            if not (news.sorted.waiting if look == 0 else news.held_back):
                break
            if look:
                await asyncio.sleep(_LOOK_AGAIN)
            await self._look_around()
        await self._publish(self._news())

    def _news(self, window: timedelta = timedelta()) -> News:
        return news_of(list(self._folders.values()), self.around.machine.clock.now(), window=window)

    async def _publish(self, news: News) -> None:
        folders = list(self._folders.values())
        await tell(news, folders, self._main.folder, self.book, self.around.machine)
        for each in folders:
            if each.gone:
                del self._folders[each.path]


def _is_same(now: Mirror | None, status: Counts) -> bool:
    """Tells whether a folder's numbers say that it is as we know it; other flags than for reading may have changed."""
    if now is None:
        return False
    unseen = len(now.flags.translate(None, _SEEN))
    return status == Counts(len(now.uids), now.uidnext, now.uidvalidity, unseen)


def _now() -> float:
    return asyncio.get_running_loop().time()
