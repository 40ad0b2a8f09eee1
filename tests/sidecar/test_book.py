"""The book: the mirrors with what was found, then the queue, and both only before the fence."""

import asyncio
from datetime import timedelta
from secrets import token_hex
from typing import Any

import pytest

from shared.domain.changes import Change, ChangeBatch, ChangeKind
from shared.domain.errors import Changed, TryLater
from shared.domain.mirrors import baseline
from shared.domain.untold import ROOM
from sidecar.book import Book
from sidecar.fence import Fence, Fenced
from sidecar.imap.folders import ImapFolder
from sidecar.news import Folder
from tests.factories import an_account
from tests.fakes.clock import START, FakeClock
from tests.fakes.delegated import FakeMirrorStore
from tests.fakes.log import FakeLog
from tests.fakes.queues import FakeChangeQueue

MIRROR = baseline("INBOX", 1, 1, ())
ACCOUNT = an_account()


def a_batch(message: str) -> ChangeBatch:
    """Return what says that a message came."""
    return ChangeBatch(changes=(Change(account=ACCOUNT.key, kind=ChangeKind.CREATED, message=message, seen=START),))


BATCH = a_batch("m")


class Queue(FakeChangeQueue):
    """A queue that may be `away`."""

    away = False

    def put(self, batch: ChangeBatch, delay: timedelta = timedelta()) -> None:
        """Queue a batch."""
        if self.away:
            raise TryLater("Away.")
        super().put(batch, delay)


class Ground:
    """What survives the books that are opened on it."""

    def __init__(self) -> None:
        self.log = FakeLog()
        self.mirrors = FakeMirrorStore()
        self.queue = Queue(FakeClock())
        self.fence = Fence(1000)
        self.fence.beaten(self.fence.now())

    def book(self, **account: Any) -> Book:
        """Return the book of an account."""
        return Book(self.mirrors, self.queue, self.fence, an_account(**account), 1, self.log)


def folder(path: str = "INBOX") -> Folder:
    """Return a folder that nothing was told of."""
    return Folder(ImapFolder(path, "/", None), None, None, MIRROR)


def test_what_was_told_is_read_again() -> None:
    """A mirror is found by the next book of the same mailbox; one of another registration is removed."""
    ground, inbox = Ground(), folder()
    asyncio.run(ground.book().tell(BATCH, [(inbox, MIRROR)], [], "correlation"))
    assert ground.queue.bodies() == [BATCH]
    told = {"account": "anna", "correlation": "correlation", "changes": 1, "events": 0}
    assert ground.log.named("mailbox.told") == [told]
    assert (inbox.told, ground.mirrors.writes) == (MIRROR, 1)
    kept = asyncio.run(ground.book(options={"path": ["INBOX"]}).read())
    assert kept["INBOX"].mirror == MIRROR
    for other in ({"incarnation": "incarnation-2"}, {"user": "help@contoso.com"}):
        assert asyncio.run(ground.book(**other).read()) == {}
    assert ground.mirrors.all(ACCOUNT.key) == []


def test_what_was_saved_last_is_told_again() -> None:
    """What was saved and found no queue is queued by the next reader, once, as tried; what was saved earlier is not."""
    ground, inbox, archive = Ground(), folder(), folder("Archive")

    async def run() -> None:
        book = ground.book()
        await book.tell(a_batch("earlier"), [(inbox, MIRROR)], [])
        ground.queue.away = True
        with pytest.raises(TryLater):
            await book.tell(BATCH, [(archive, baseline("Archive", 1, 1, ()))], [])
        await book.settle()
        ground.queue.away = False
        for _ in range(2):
            await ground.book().read()

    asyncio.run(run())
    assert ground.queue.bodies() == [a_batch("earlier"), BATCH.tried()]


def test_a_settled_book_repeats_nothing() -> None:
    """Who ends in order leaves nothing to repeat, and what he read is still his to write."""
    ground, inbox = Ground(), folder()

    async def run() -> None:
        book = ground.book()
        await book.tell(BATCH, [(inbox, MIRROR)], [])
        await book.settle()
        later = ground.book()
        inbox.etag = (await later.read())["INBOX"].etag
        await later.tell(a_batch("later"), [(inbox, MIRROR)], [])

    asyncio.run(run())
    assert ground.queue.bodies() == [BATCH, a_batch("later")]


def test_settling_stops_nobody() -> None:
    """A book that cannot be settled, for somebody else has it or the fence is closed, is left as it is."""
    ground, inbox = Ground(), folder()

    async def run() -> None:
        book = ground.book()
        for spoil in (lambda: setattr(inbox, "etag", "other"), lambda: ground.fence.beaten(ground.fence.now() - 1000)):
            await book.tell(BATCH, [(inbox, MIRROR)], [])
            spoil()
            await book.settle()
            inbox.etag = ground.mirrors.all(ACCOUNT.key)[0].etag

    asyncio.run(run())
    (left,) = ground.mirrors.all(ACCOUNT.key)
    assert left.untold


def test_more_than_a_row_holds_is_queued_first() -> None:
    """What is too much to stand beside a mirror is queued before anything is saved."""
    ground = Ground()
    much = a_batch(token_hex(ROOM))
    ground.mirrors.put(ACCOUNT.key, "", [(MIRROR, None)], 1)
    with pytest.raises(Changed):
        asyncio.run(ground.book().tell(much, [(folder(), MIRROR)], []))
    assert ground.queue.bodies() == [much]


def test_folders_go_with_what_is_told_of_them() -> None:
    """The mirror of a folder that is gone goes in the write that says so."""
    ground, inbox, archive = Ground(), folder(), folder("Archive")

    async def run() -> None:
        book = ground.book()
        await book.tell(ChangeBatch(), [(inbox, MIRROR), (archive, baseline("Archive", 1, 1, ()))], [])
        await book.tell(BATCH, [(inbox, MIRROR)], [archive])

    asyncio.run(run())
    assert [each.mirror.path for each in ground.mirrors.all(ACCOUNT.key)] == ["INBOX"]
    assert ground.mirrors.writes == 2


def test_a_choice_of_folders_shows_in_its_mirrors() -> None:
    """Books of the same mailbox with other folders have other marks."""
    ground = Ground()
    assert ground.book().mailbox != ground.book(options={"path": ["INBOX"]}).mailbox


def test_nothing_passes_the_fence() -> None:
    """Behind the fence nothing is queued, saved or removed."""
    ground = Ground()
    ground.fence.beaten(ground.fence.now() - 1000)
    for told in ((BATCH, [], []), (ChangeBatch(), [(folder(), MIRROR)], []), (ChangeBatch(), [], [folder()])):
        with pytest.raises(Fenced):
            asyncio.run(ground.book().tell(*told))
    assert (ground.queue.bodies(), ground.mirrors.writes) == ([], 0)
