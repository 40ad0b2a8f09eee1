"""What every store of accounts, of mailboxes and of folder trees promises."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from shared.domain.accounts import Account, AccountState, Subscription
from shared.domain.census import Counted
from shared.domain.errors import Changed, InvalidRequest
from shared.domain.folders import Folder, FolderTree
from shared.ports.state import AccountStore, CursorStore, FolderStore, MailboxStore
from tests.contracts.examples import HOSTILE, account
from tests.fakes.clock import START


class AccountStoreContract:
    """A subclass gives the fixtures `store`, and `folders` and `cursors` beside it."""

    def test_an_account_comes_back_as_it_was(self, store: AccountStore) -> None:
        """What is inserted is what is read, with the same ETag."""
        stored = store.insert(account(options={"path": None, "customHeaderNames": ["X-Tenant"]}, name="Ænna 😀"))
        assert store.get(stored.value.key) == stored
        assert store.get(account("nobody").key) is None

    def test_a_key_is_taken_once(self, store: AccountStore) -> None:
        """A second account under one key is refused, and the first stays."""
        first = store.insert(account())
        with pytest.raises(Changed):
            store.insert(account(incarnation="incarnation-2"))
        assert store.get(first.value.key) == first

    def test_the_last_reader_writes(self, store: AccountStore) -> None:
        """A write with an ETag that is out of date is refused and changes nothing."""
        stored = store.insert(account())
        newer = store.replace(account(name="Anna"), stored.etag)
        with pytest.raises(Changed):
            store.replace(account(name="Berta"), stored.etag)
        assert store.get(newer.value.key) == newer
        assert newer.value.name == "Anna"
        assert newer.etag != stored.etag

    def test_a_deleted_account_cannot_be_replaced(self, store: AccountStore) -> None:
        """A write to an account that is gone is refused and does not bring it back."""
        stored = store.insert(account())
        store.delete(stored.value.key, stored.etag)
        store.delete(stored.value.key, stored.etag)
        with pytest.raises(Changed):
            store.replace(stored.value, stored.etag)
        assert store.get(stored.value.key) is None

    def test_another_account_is_not_deleted(self, store: AccountStore) -> None:
        """A deletion with an ETag that is out of date is refused, and the account stays as it is now."""
        stored = store.insert(account())
        newer = store.replace(account(incarnation="incarnation-2"), stored.etag)
        with pytest.raises(Changed):
            store.delete(stored.value.key, stored.etag)
        assert store.get(stored.value.key) == newer

    def test_accounts_are_counted(self, store: AccountStore, folders: FolderStore) -> None:
        """A count tells each account's state, the end of its subscription, and whether it polls; nothing else."""
        ends = Subscription(id="s", expires=START + timedelta(days=3), created=START)
        store.insert(account("anna", state=AccountState.CONNECTED, subscription=ends))
        store.insert(account("ben", state=AccountState.CONNECTED, polling=True))
        folders.put(account("ben").key, FolderTree())
        found = sorted(store.count(), key=lambda each: each.polling)
        connected = str(AccountState.CONNECTED)
        assert found == [Counted(connected, ends.expires, polling=False), Counted(connected, None, polling=True)]

    def test_an_account_comes_with_its_folders(self, store: AccountStore, folders: FolderStore) -> None:
        """Account and folder tree are read together, each where it is there, and nobody else's."""
        anna, berta = store.insert(account("anna")), store.insert(account("berta"))
        folders.put(account("anna").key, tree(3))
        folders.put(account("nobody").key, tree(1))
        assert store.get_with_folders(account("anna").key) == (anna, tree(3))
        assert store.get_with_folders(account("berta").key) == (berta, None)
        assert store.get_with_folders(account("nobody").key) == (None, tree(1))

    def test_an_account_comes_with_its_links(self, store: AccountStore, cursors: CursorStore) -> None:
        """Account and links are read together, each where it is there, and nobody else's."""
        anna, berta = store.insert(account("anna")), store.insert(account("berta"))
        cursors.put(account("anna").key, {"inbox": "link"})
        cursors.put(account("nobody").key, {"inbox": "other"})
        assert store.get_with_cursors(account("anna").key) == (anna, {"inbox": "link"})
        assert store.get_with_cursors(account("berta").key) == (berta, {})
        assert store.get_with_cursors(account("nobody").key) == (None, {"inbox": "other"})

    def test_folders_go_with_their_account(self, store: AccountStore, folders: FolderStore) -> None:
        """Deleting an account removes its folder tree, and nobody else's."""
        anna = store.insert(account("anna"))
        berta = store.insert(account("berta"))
        for each in (anna, berta):
            folders.put(each.value.key, FolderTree(folders={"id": Folder(path="INBOX")}))
        store.delete(anna.value.key, anna.etag)
        assert folders.get(account("anna").key) is None
        assert folders.get(account("berta").key) is not None

    def test_one_of_two_writers_wins(self, store: AccountStore) -> None:
        """Of two writers with one ETag, one succeeds and one is told."""
        stored = store.insert(account())
        barrier = Barrier(2)

        def write(name: str) -> str | None:
            barrier.wait()
            try:
                return store.replace(account(name=name), stored.etag).value.name
            except Changed:
                return None

        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(write, ["Anna", "Berta"]))
        winners = [name for name in outcomes if name]
        assert len(winners) == 1
        now = store.get(stored.value.key)
        assert now is not None
        assert now.value.name == winners[0]

    def test_pages_join_into_all(self, store: AccountStore) -> None:
        """Pages hold every account once, in the order of the keys, as the whole list does."""
        everyone = sorted((account(f"account {number}") for number in range(7)), key=lambda each: each.key)
        for each in everyone:
            store.insert(each)
        paged: list[Account] = []
        position = None
        while True:
            page = store.page(position, 3)
            assert len(page.items) <= 3
            paged += page.items
            position = page.position
            if position is None:
                break
        assert paged == everyone
        assert list(store.all()) == everyone

    def test_a_page_can_hold_one_state_only(self, store: AccountStore, folders: FolderStore) -> None:
        """A page of a state fills up with accounts in it, past the others and past folder trees."""
        for number in range(6):
            state = AccountState.CONNECTED if number % 2 else AccountState.NEW
            stored = store.insert(account(f"account {number}", state=state))
            folders.put(stored.value.key, FolderTree())
        page = store.page(None, 10, state=AccountState.CONNECTED)
        assert {each.id for each in page.items} == {"account 1", "account 3", "account 5"}

    def test_a_forged_position_is_refused(self, store: AccountStore) -> None:
        """A position that no page returned is the caller's mistake."""
        with pytest.raises(InvalidRequest):
            store.page({"elsewhere": "1"}, 3)

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_hostile_key_finds_nothing(self, store: AccountStore, name: str) -> None:
        """Whatever stands in a key, it names at most its own account."""
        store.insert(account())
        assert store.get(name) is None
        hostile = store.insert(account(key=name, id=name))
        assert store.get(name) == hostile
        assert store.get(account().key) is not None
        store.delete(name, hostile.etag)
        assert [each.id for each in store.all()] == ["anna"]

    def test_a_long_record_is_kept_whole(self, store: AccountStore) -> None:
        """A record of 100,000 characters, four bytes each, comes back as it was, and shrinks again."""
        stored = store.insert(account(options={"path": "😀" * 100_000}))
        assert store.get(stored.value.key) == stored
        later = START + timedelta(hours=1)
        shorter = store.replace(account(updated=later), stored.etag)
        assert store.get(stored.value.key) == shorter


class MailboxStoreContract:
    """A subclass gives the fixture `store`."""

    def test_a_mailbox_has_one_holder(self, store: MailboxStore) -> None:
        """The first account holds the mailbox, however the address is spelt; the second is told who does."""
        assert store.bind("app", "Anna@Contoso.com", "anna") == "anna"
        assert store.bind("app", "anna@contoso.com", "berta") == "anna"
        assert store.bind("app", "anna@contoso.com", "anna") == "anna"
        assert store.bind("another", "anna@contoso.com", "berta") == "berta"

    def test_only_who_read_it_last_frees_it(self, store: MailboxStore) -> None:
        """A release of what was bound anew since is refused; after another the mailbox is free, and may stay so."""
        store.bind("app", "anna@contoso.com", "anna")
        former = store.holder("app", "anna@contoso.com")
        assert former is not None
        store.rebind("app", "ANNA@contoso.com", "anna", former.etag)
        with pytest.raises(Changed):
            store.release("app", "anna@contoso.com", former.etag)
        with pytest.raises(Changed):
            store.rebind("app", "anna@contoso.com", "berta", former.etag)
        bound = store.holder("app", "anna@contoso.com")
        assert bound is not None
        assert (bound.value, bound.etag != former.etag) == ("anna", True)
        store.release("app", "ANNA@contoso.com", bound.etag)
        store.release("app", "anna@contoso.com", bound.etag)
        with pytest.raises(Changed):
            store.rebind("app", "anna@contoso.com", "anna", bound.etag)
        assert store.holder("app", "anna@contoso.com") is None
        assert store.bind("app", "anna@contoso.com", "berta") == "berta"

    def test_a_mailbox_goes_to_another(self, store: MailboxStore) -> None:
        """Who binds what was read holds it, and nobody else does."""
        store.bind("app", "anna@contoso.com", "anna")
        bound = store.holder("app", "anna@contoso.com")
        assert bound is not None
        store.rebind("app", "anna@contoso.com", "berta", bound.etag)
        assert store.bind("app", "anna@contoso.com", "anna") == "berta"

    def test_one_of_many_racers_holds_it(self, store: MailboxStore) -> None:
        """Accounts that bind one mailbox at the same time all learn the same holder."""
        barrier = Barrier(4)

        def bind(name: str) -> str:
            barrier.wait()
            return store.bind("app", "anna@contoso.com", name)

        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(bind, ["a", "b", "c", "d"]))) == 1

    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_names_are_names(self, store: MailboxStore, name: str) -> None:
        """Whatever stands in a user or an account, it is kept as it is."""
        assert store.bind("app", name, name) == name
        assert store.bind("app", f"{name}.", "other") == "other"


class FolderStoreContract:
    """A subclass gives the fixture `store`."""

    def test_the_last_tree_counts(self, store: FolderStore) -> None:
        """A tree is overwritten as a whole."""
        assert store.get("key") is None
        store.put("key", tree(3))
        store.put("key", tree(1))
        assert store.get("key") == tree(1)

    def test_a_large_mailbox_fits(self, store: FolderStore) -> None:
        """Ten thousand folders with ids as long as Graph's come back as they were."""
        large = tree(10_000)
        store.put("key", large)
        assert store.get("key") == large


def tree(folders: int) -> FolderTree:
    """Return a tree of many folders."""
    stem = "AAMkAGVmMDEzMTM4LTZmYWUtNDdkNC1hMDZiLTU1OGY5OTZhYmY4OAAuAAAAAADS"
    return FolderTree(folders={f"{stem}{n * 7919:040x}AAA=": Folder(path=f"Projects/Año {n}") for n in range(folders)})
