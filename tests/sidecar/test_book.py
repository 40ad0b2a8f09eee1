"""The book: queue first, then the mirrors, and both only before the fence."""

import asyncio
from typing import Any

import pytest

from shared.domain.changes import Change, ChangeBatch, ChangeKind
from shared.domain.mirrors import baseline
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
BATCH = ChangeBatch(changes=(Change(account="anna", kind=ChangeKind.CREATED, message="m", seen=START),))


class Ground:
    """What survives the books that are opened on it."""

    def __init__(self) -> None:
        self.log = FakeLog()
        self.mirrors = FakeMirrorStore()
        self.queue = FakeChangeQueue(FakeClock())
        self.fence = Fence(1000)
        self.fence.beaten(self.fence.now())

    def book(self, **account: Any) -> Book:
        """Return the book of an account."""
        return Book(self.mirrors, self.queue, self.fence, an_account(**account), 1, self.log)


def folder() -> Folder:
    """Return a folder that nothing was told of."""
    return Folder(ImapFolder("INBOX", "/", "\\Inbox"), None, None, MIRROR)


def test_what_was_told_is_read_again() -> None:
    """A mirror is found by the next book of the same mailbox; one of another registration is removed."""
    ground, inbox = Ground(), folder()
    asyncio.run(ground.book().tell(BATCH, [(inbox, MIRROR)], [], "correlation"))
    assert len(ground.queue.bodies()) == 1
    told = {"account": "anna", "correlation": "correlation", "changes": 1, "events": 0}
    assert ground.log.named("mailbox.told") == [told]
    assert inbox.told is MIRROR
    kept = asyncio.run(ground.book(options={"path": ["INBOX"]}).read())
    assert kept["INBOX"].etag == inbox.etag
    for other in ({"incarnation": "incarnation-2"}, {"user": "help@contoso.com"}):
        assert asyncio.run(ground.book(**other).read()) == {}
    assert ground.mirrors.all(an_account().key) == []


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
