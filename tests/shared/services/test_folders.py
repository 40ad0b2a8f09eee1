"""Folders: where a message is, asked of Graph as seldom as can be."""

from datetime import timedelta

from shared.domain.accounts import Account
from shared.domain.folders import Folder, FolderTree
from shared.ports.records import Stored
from shared.services.folders import Folders
from shared.services.lookups import Lookup
from tests.factories import an_account, an_app
from tests.fakes.clock import FakeClock
from tests.fakes.microsoft365 import FakeMailboxes
from tests.fakes.stores import FakeFolderStore

MINUTE = timedelta(minutes=1)


def a_mailbox(tree: FolderTree) -> tuple[Folders, FakeMailboxes, FakeFolderStore, FakeClock]:
    """Return the folders of one account whose mailbox has *tree*."""
    clock, store, mailboxes, account = FakeClock(), FakeFolderStore(), FakeMailboxes(), an_account()
    mailboxes.tree = tree

    def find(_key: str) -> Stored[Account]:
        return Stored(account, "1")

    accounts = Lookup(find, clock, MINUTE)
    apps = Lookup(lambda _: Stored(an_app(), "1"), clock, MINUTE)
    kept = Lookup(store.get, clock, MINUTE)
    return Folders(accounts, apps, mailboxes, store, kept=kept, clock=clock), mailboxes, store, clock


def test_a_kept_tree_is_enough() -> None:
    """A folder that is in the kept tree is found without opening the mailbox."""
    folders, mailboxes, store, _ = a_mailbox(FolderTree())
    store.put(an_account().key, FolderTree(folders={"inbox-id": Folder(path="Inbox")}))
    assert folders.find(an_account(), "inbox-id") == Folder(path="Inbox")
    assert not mailboxes.probed


def test_a_young_folder_has_the_tree_read_for_everybody() -> None:
    """A folder in no tree has the mailbox opened once, and what is found is kept."""
    folders, mailboxes, store, _ = a_mailbox(FolderTree(folders={"new-id": Folder(path="New")}))
    for _ in range(3):
        assert folders.find(an_account(), "new-id") == Folder(path="New")
    assert len(mailboxes.probed) == 1
    assert store.get(an_account().key) == mailboxes.tree


def test_a_folder_that_nobody_shows_is_asked_for_again_later() -> None:
    """What stays unknown is None, and is asked for again no sooner than ten seconds later."""
    folders, mailboxes, _, clock = a_mailbox(FolderTree())
    assert [folders.find(an_account(), "hidden-id") for _ in range(2)] == [None, None]
    assert len(mailboxes.probed) == 1
    clock.advance(timedelta(seconds=11))
    assert folders.find(an_account(), "hidden-id") is None
    assert len(mailboxes.probed) == 2
