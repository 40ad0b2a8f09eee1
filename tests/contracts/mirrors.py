"""What a store of mirrors promises."""

from dataclasses import replace

import pytest

from shared.domain.errors import Changed
from shared.domain.mirrors import Mirror, Seen, baseline
from shared.ports.sidecar import MirrorStore, Turn
from tests.contracts.examples import HOSTILE

ANNA = "1/anna@contoso.com"


def a_mirror(path: str = "INBOX", *uids: int, uidvalidity: int = 4_000_000_000) -> Mirror:
    """Return a mirror whose numbers are as large as IMAP allows."""
    seen = [Seen(uid, 1, 4_000_000_000 - uid) for uid in uids or (1, 4_000_000_000)]
    return baseline(path, uidvalidity, 4_000_000_001, seen, changes=5_000_000_000)


class MirrorStoreContract:
    """A subclass gives the fixture `store`."""

    def test_a_mirror_comes_back_as_it_was(self, store: MirrorStore) -> None:
        """Mirrors are found by their account, whatever their folders are called, with what they are of."""
        paths = ["INBOX", "Gelöschte Elemente", "a/b#c?d\\e", *HOSTILE]
        for path in paths:
            store.put("anna", ANNA, [(a_mirror(path), None)], 1)
        store.put("berta", "1/berta@contoso.com", [(a_mirror(), None)], 1)
        stored = {each.mirror.path: each for each in store.all("anna")}
        assert {path: each.mirror for path, each in stored.items()} == {path: a_mirror(path) for path in paths}
        assert {each.mailbox for each in stored.values()} == {ANNA}
        assert store.all("nobody") == []

    def test_a_large_folder_fits(self, store: MirrorStore) -> None:
        """A folder of 100,000 messages is kept with all its fingerprints."""
        whole = a_mirror("INBOX", *range(1, 200_001, 2))
        store.put("anna", ANNA, [(whole, None)], 1)
        (stored,) = store.all("anna")
        assert stored.mirror == whole

    def test_the_last_reader_writes(self, store: MirrorStore) -> None:
        """A mirror that somebody else wrote, added or removed since is not overwritten."""
        (first,) = store.put("anna", ANNA, [(a_mirror(), None)], 1)
        with pytest.raises(Changed):
            store.put("anna", ANNA, [(a_mirror(), None)], 1)
        (second,) = store.put("anna", ANNA, [(replace(a_mirror(), changes=7), first)], 1)
        with pytest.raises(Changed):
            store.put("anna", ANNA, [(a_mirror(), first)], 1)
        (stored,) = store.all("anna")
        assert (stored.mirror.changes, stored.etag) == (7, second)
        store.delete("anna", "INBOX")
        with pytest.raises(Changed):
            store.put("anna", ANNA, [(a_mirror(), second)], 1)

    def test_mirrors_are_written_together(self, store: MirrorStore) -> None:
        """Of several mirrors all are written or none, each under its own ETag; large ones one after another."""
        etags = store.put("anna", ANNA, [(a_mirror("A"), None), (a_mirror("B"), None)], 1)
        assert {each.mirror.path: each.etag for each in store.all("anna")} == dict(zip("AB", etags, strict=True))
        with pytest.raises(Changed):
            store.put("anna", ANNA, [(a_mirror("C"), None), (a_mirror("A"), None)], 1)
        assert len(store.all("anna")) == 2
        whole = a_mirror("Large", *range(1, 220_000))
        large = [replace(whole, path=f"Large {number}") for number in range(4)]
        store.put("anna", ANNA, [(mirror, None) for mirror in large], 1)
        assert len(store.all("anna")) == 6

    def test_what_is_untold_stands_beside_a_mirror(self, store: MirrorStore) -> None:
        """The first mirror of a turn carries what is untold, until it is settled or another turn overwrites it."""
        turn = Turn(number=3_000_000_000, untold=b"\x00told")
        (etag, _) = store.put("anna", ANNA, [(a_mirror("A"), None), (a_mirror("B"), None)], 1, turn)
        carried = {each.mirror.path: (each.turn, each.untold) for each in store.all("anna")}
        assert carried == {"A": (turn.number, turn.untold), "B": (turn.number, b"")}
        settled = store.settle("anna", "A", etag, 2)
        with pytest.raises(Changed):
            store.settle("anna", "A", etag, 2)
        with pytest.raises(Changed):
            store.settle("anna", "A", settled, 1)
        (first, _) = sorted(store.all("anna"), key=lambda each: each.mirror.path)
        assert (first.mirror, first.mailbox, first.turn, first.untold) == (a_mirror("A"), ANNA, turn.number, b"")
        store.put("anna", ANNA, [(a_mirror("A"), settled)], 2, Turn(number=1, untold=b"more"))
        assert {each.untold for each in store.all("anna")} == {b"", b"more"}

    def test_mirrors_go_with_what_is_told_of_them(self, store: MirrorStore) -> None:
        """What is gone goes in the same write, or nothing is written where it is another by now, or gone already."""
        (a, b) = store.put("anna", ANNA, [(a_mirror("A"), None), (a_mirror("B"), None)], 1)
        for wrong in ('1 W/"other"', '2 W/"other"'):
            with pytest.raises(Changed):
                store.put("anna", ANNA, [(a_mirror("A"), a)], 1, Turn(gone=[("B", wrong)]))
        (a,) = store.put("anna", ANNA, [(a_mirror("A"), a)], 1, Turn(gone=[("B", b)]))
        assert [each.mirror.path for each in store.all("anna")] == ["A"]
        with pytest.raises(Changed):
            store.put("anna", ANNA, [(a_mirror("A"), a)], 1, Turn(gone=[("B", b)]))
        (kept,) = store.all("anna")
        assert kept.etag == a

    def test_an_earlier_epoch_writes_nothing(self, store: MirrorStore) -> None:
        """What was written under a later epoch stays, even for one who read it."""
        (theirs,) = store.put("anna", ANNA, [(a_mirror(), None)], 2)
        with pytest.raises(Changed):
            store.put("anna", ANNA, [(a_mirror(), theirs)], 1)
        (stored,) = store.all("anna")
        with pytest.raises(Changed):
            store.put("anna", ANNA, [(a_mirror(), stored.etag)], 1)
        assert store.put("anna", ANNA, [(a_mirror(), stored.etag)], 3)

    def test_mirrors_go(self, store: MirrorStore) -> None:
        """One folder's mirror goes alone, all of an account go together, and what is gone may go again."""
        for number in range(120):
            store.put("anna", ANNA, [(a_mirror(f"Folder {number}"), None)], 1)
        store.put("berta", ANNA, [(a_mirror(), None)], 1)
        for _ in range(2):
            store.delete("anna", "Folder 7")
        assert len(store.all("anna")) == 119
        for _ in range(2):
            store.drop("anna")
        assert store.all("anna") == []
        assert len(store.all("berta")) == 1
