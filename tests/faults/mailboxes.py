"""
A mailbox, a sidecar that dies while it tells of it, and a customer who believes what he is told.

What a customer believes at the end must be what is there, and each event must make sense to him: nothing goes or moves
that he was not told of, nothing comes twice. So a change that hides behind a repetition is found out, and so is one
that nobody made.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, product
from typing import Any

from shared.domain.changes import AccountEvent, Change, ChangeBatch, ChangeKind
from shared.domain.events import EventName
from shared.domain.imap_ids import folder_id, message_id
from shared.domain.mirrors import Mirror, Seen, baseline, names
from shared.ports.machine import Machine
from sidecar.book import Book
from sidecar.fence import Fence
from sidecar.imap.folders import INBOX, ImapFolder
from sidecar.news import Folder, news_of
from sidecar.telling import tell
from tests.factories import an_account
from tests.fakes.clock import FakeClock
from tests.fakes.delegated import FakeMirrorStore
from tests.fakes.log import FakeLog
from tests.fakes.queues import FakeChangeQueue
from tests.fakes.randomness import FakeRandomness
from tests.faults.fate import Death, Died, Fate, mortal

ACCOUNT = an_account()
_SEEN = 1
# The first 12 of an id's 16 bytes.
_FOLDER = 16


@dataclass
class Shelf:
    """A folder at the server."""

    uidvalidity: int
    uidnext: int = 1
    mail: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, flags: int, likeness: int) -> int:
        """Add a message with these flags, and return its UID."""
        uid, self.uidnext = self.uidnext, self.uidnext + 1
        self.mail[uid] = flags, likeness
        return uid

    def mirror(self, path: str, changes: int) -> Mirror:
        """Return the folder as it is."""
        seen = [Seen(uid, flags, likeness) for uid, (flags, likeness) in self.mail.items()]
        return baseline(path, self.uidvalidity, self.uidnext, seen, changes=changes)


class Server:
    """A mailbox with one message; what is done is done to its newest one."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.shelves = {path: Shelf(next(self._numbers)) for path in (INBOX, "A", "B")}
        self._newest: tuple[str, int] | None = None
        self._gone: tuple[int, int] | None = None
        self.arrive()

    def arrive(self) -> None:
        """Deliver a message."""
        self._newest = INBOX, self.shelves[INBOX].add(0, next(self._numbers))

    def read(self) -> None:
        """Read the message, or mark it as unread."""
        if self._newest:
            path, uid = self._newest
            flags, likeness = self.shelves[path].mail[uid]
            self.shelves[path].mail[uid] = flags ^ _SEEN, likeness

    def move(self) -> None:
        """Move the message to the next folder."""
        if self._newest:
            path, uid = self._newest
            paths = list(self.shelves)
            there = paths[(paths.index(path) + 1) % len(paths)]
            self._newest = there, self.shelves[there].add(*self.shelves[path].mail.pop(uid))

    def delete(self) -> None:
        """Delete the message."""
        if self._newest:
            path, uid = self._newest
            self._newest, self._gone = None, self.shelves[path].mail.pop(uid)

    def restore(self) -> None:
        """Put the message that was deleted last into another folder."""
        if self._gone:
            self._newest, self._gone = ("B", self.shelves["B"].add(*self._gone)), None

    def make(self) -> None:
        """Make a folder with a message in it."""
        if "C" not in self.shelves:
            self.shelves["C"] = Shelf(next(self._numbers))
            self._newest = "C", self.shelves["C"].add(0, next(self._numbers))

    def remove(self) -> None:
        """Remove that folder with all that is in it."""
        if self.shelves.pop("C", None) and self._newest and self._newest[0] == "C":
            self._newest = None

    def renumber(self) -> None:
        """Have the inbox number its messages anew."""
        former, fresh = self.shelves[INBOX], Shelf(next(self._numbers))
        for uid, message in former.mail.items():
            now = fresh.add(*message)
            if self._newest == (INBOX, uid):
                self._newest = INBOX, now
        self.shelves[INBOX] = fresh

    def view(self) -> dict[str, frozenset[str]]:
        """Return the flags of every message by its id."""
        return {
            message_id(folder_id(path), shelf.uidvalidity, uid): names(flags)
            for path, shelf in self.shelves.items()
            for uid, (flags, _) in shelf.mail.items()
        }


Action = Callable[[Server], None]
ACTIONS: Sequence[Action] = (
    Server.arrive,
    Server.read,
    Server.move,
    Server.delete,
    Server.restore,
    Server.make,
    Server.remove,
    Server.renumber,
)


class Customer:
    """Believes what is told of the mailbox, each event once, and notes what makes no sense."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.view = server.view()
        self.problems: list[str] = []
        self._heard: set[tuple[str, ...]] = set()
        # Announced, and gone before they were read; and what a folder under a new numbering had when it was listed.
        self._missing: set[str] = set()
        self._listed: set[str] = set()

    def hear(self, batch: ChangeBatch) -> None:
        """Take what was queued, as the function app tells it."""
        for change in batch.changes:
            if self._is_news(change.kind, change.message, change.version):
                self._hear_of_message(change)
        for event in batch.account_events:
            if self._is_news(event.event, event.version):
                self._hear_of_folder(event)

    def _is_news(self, *identity: str) -> bool:
        news = identity not in self._heard
        self._heard.add(identity)
        return news

    def _hear_of_folder(self, event: AccountEvent) -> None:
        path = event.data["path"]
        if event.event != EventName.MAILBOX_NEW:
            # All that is in it went with it.
            former = _numbering(path, event.version.split("/")[2])
            self.view = {key: flags for key, flags in self.view.items() if not key.startswith(former)}
        if event.event == EventName.MAILBOX_RESET:
            now = _numbering(path, event.data["uidValidity"])
            self._listed.add(now)
            self.view |= {key: flags for key, flags in self._server.view().items() if key.startswith(now)}

    def _hear_of_message(self, change: Change) -> None:
        there = self._server.view().get(change.message)
        if change.kind == ChangeKind.CREATED:
            if there is None:
                self._missing.add(change.message)
            else:
                self._add(change.message, there)
        elif change.kind == ChangeKind.UPDATED:
            self._expect(change.kind, change.message)
            if change.message in self.view:
                self.view[change.message] = frozenset(change.flags or ())
        elif change.kind == ChangeKind.DELETED:
            self._take(change.kind, change.message)
        else:
            flags = self._take(change.kind, change.former or "")
            if change.flags is not None:
                flags = frozenset(change.flags)
            if flags is None and there is None:
                self._missing.add(change.message)
            else:
                self._add(change.message, flags if flags is not None else there or frozenset())

    def _add(self, message: str, flags: frozenset[str]) -> None:
        if message in self.view and not self._may_be_listed(message):
            self.problems.append(f"{message} came, and was there.")
        self.view[message] = flags

    def _take(self, kind: str, message: str) -> frozenset[str] | None:
        self._expect(kind, message)
        self._missing.discard(message)
        return self.view.pop(message, None)

    def _expect(self, kind: str, message: str) -> None:
        known = message in self.view or message in self._missing or self._may_be_listed(message)
        if not known:
            self.problems.append(f"{message} was {kind}, and nobody had told of it.")

    def _may_be_listed(self, message: str) -> bool:
        return message[:_FOLDER] in self._listed


def _numbering(path: str, uidvalidity: str) -> str:
    """Return how the ids of all messages of a folder begin."""
    return message_id(folder_id(path), int(uidvalidity), 0)[:_FOLDER]


@dataclass
class Life:
    """A mailbox to which *actions* happen, with a look after each, and its *fate*; *late* reads the queue last."""

    actions: Sequence[Action]
    fate: Fate
    late: bool = False

    def __post_init__(self) -> None:
        self.server = Server()
        self.store = FakeMirrorStore()
        clock = FakeClock()
        self.queue = FakeChangeQueue(clock)
        self.machine = Machine(clock, FakeRandomness(), FakeLog())
        self.fence = Fence(1000)
        self.fence.beaten(self.fence.now())
        self.epochs = count(1)

    async def run(self) -> str | None:
        """Live, and return what is wrong at the end."""
        await self._look(Fate(), before=True)
        customer = Customer(self.server)
        for action in self.actions:
            action(self.server)
            with suppress(Died):
                await self._look(self.fate)
            if not self.late:
                self._listen(customer)
        await self._look(Fate())
        self._listen(customer)
        if customer.view != self.server.view():
            customer.problems.append(f"{customer.view} is believed, and {self.server.view()} is true.")
        await self._look(Fate())
        if self.queue.bodies():
            customer.problems.append("What was told is told again without need.")
        return " ".join(customer.problems) or None

    async def _look(self, fate: Fate, *, before: bool = False) -> None:
        """Open the mailbox in a new process, tell what is found, and end in order."""
        store = mortal(self.store, fate, put="saved", settle="settled")
        queue = mortal(self.queue, fate, put="queued")
        book = Book(store, queue, self.fence, ACCOUNT, next(self.epochs), self.machine.log)
        known = await book.read()
        folders = []
        for path, shelf in self.server.shelves.items():
            stored = known.pop(path, None)
            told = stored.mirror if stored else None
            now = shelf.mirror(path, told.changes if told else 0)
            folders.append(Folder(ImapFolder(path, "/", None), told, stored.etag if stored else None, now, before))
        for path, stored in known.items():
            mirror = stored.mirror
            folders.append(Folder(ImapFolder(path, "/", None), mirror, stored.etag, mirror, gone=True))
        await tell(news_of(folders, self.machine.clock.now()), folders, folders[0], book, self.machine)
        await book.settle()

    def _listen(self, customer: Customer) -> None:
        for message in self.queue.waiting():
            customer.hear(message.body)
            self.queue.done(message)


async def lives(
    actions: Sequence[Action], *, most: int, late: bool, deaths: tuple[Death, ...] = ()
) -> AsyncIterator[tuple[tuple[Death, ...], str | None]]:
    """Live through *actions* with every choice of up to *most* deaths, and yield what was wrong at the end of each."""
    life = Life(actions, Fate(deaths), late)
    yield deaths, await life.run()
    if most > len(deaths):
        for death in life.fate.further_deaths():
            async for each in lives(actions, most=most, late=late, deaths=(*deaths, death)):
                yield each


def search(length: int, *, most: int, late: bool = False, actions: Sequence[Action] = ACTIONS) -> tuple[int, list[str]]:
    """Return how many lives of so many *actions* there are with up to *most* deaths, and those that end badly."""

    async def run() -> tuple[int, list[str]]:
        asyncio.get_running_loop().set_default_executor(_Here())
        number, problems = 0, []
        for chosen in product(actions, repeat=length):
            async for deaths, problem in lives(chosen, most=most, late=late):
                number += 1
                if problem:
                    done = ", ".join(action.__name__ for action in chosen)
                    problems.append(f"{done}; {', '.join(map(str, deaths))}: {problem}")
        return number, problems

    return asyncio.run(run())


class _Here(ThreadPoolExecutor):
    """Does at once, in this very thread, what others do beside: thousands of lives are short then, and all alike."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it."""
        done = Future[Any]()
        try:
            done.set_result(work(*args, **kwargs))
        except BaseException as problem:  # noqa: BLE001  a death is none of the others
            done.set_exception(problem)
        return done
