"""What all folders of a mailbox together say."""

from datetime import timedelta

from shared.domain.mirrors import Arrived, Gone, Mirror, Reflagged, Reset, Seen, baseline
from sidecar.imap.folders import ImapFolder
from sidecar.news import Folder, News, news_of
from tests.fakes.clock import START

WINDOW = timedelta(seconds=3)


def mirror(path: str, *seen: Seen, uidvalidity: int = 1, changes: int = 0) -> Mirror:
    """Return a mirror."""
    return baseline(path, uidvalidity, 1, seen, changes=changes)


def folder(told: Mirror | None, now: Mirror, **changes: bool) -> Folder:
    """Return a folder of which something was told."""
    return Folder(ImapFolder(now.path, "/", None), told, "etag" if told else None, now, **changes)


def news(*folders: Folder, window: timedelta = timedelta()) -> News:
    """Return what folders say."""
    return news_of(folders, START, window=window)


def test_nothing_happened() -> None:
    """Folders that are as they were told say nothing, and nothing is saved."""
    told = mirror("INBOX", Seen(1, 0, 7))
    found = news(folder(told, told), folder(mirror("B"), mirror("B")))
    assert (found.sorted.told, found.saved, found.resets) == ([], [], [])


def test_a_move_wants_both_sides() -> None:
    """What went here and came there is a move; a departure alone waits, until nobody has it."""
    went = folder(mirror("INBOX", Seen(1, 0, 7)), mirror("INBOX"))
    came = folder(mirror("B"), mirror("B", Seen(5, 0, 7)))
    (moved,) = news(went, came).sorted.moved
    assert (moved.went.folder, moved.came.folder) == ("INBOX", "B")
    other = folder(mirror("B"), mirror("B"))
    assert [each.find for each in news(went, other, window=WINDOW).sorted.waiting] == [Gone(1, 0, 7)]
    assert [each.find for each in news(went, other).sorted.told] == [Gone(1, 0, 7)]


def test_an_arrival_is_held_back_for_its_likeness_only() -> None:
    """Mail that no other folder knows is told at once; of what another folder holds, its departure may follow."""
    holder = mirror("B", Seen(9, 0, 7))
    usual = folder(mirror("INBOX"), mirror("INBOX", Seen(1, 0, 8)))
    copied = folder(mirror("INBOX"), mirror("INBOX", Seen(1, 0, 7)))
    assert not news(usual, folder(holder, holder), window=WINDOW).held_back
    assert news(copied, folder(holder, holder), window=WINDOW).held_back
    assert [each.find for each in news(copied, folder(holder, holder)).sorted.told] == [Arrived(1, 0, 7)]


def test_a_new_folder_is_told_with_its_mail_unless_that_was_there_before() -> None:
    """What is in a folder that came while we watched is new; in one that we begin to watch it is not."""
    now = mirror("New", Seen(1, 0, 7))
    fresh, known = folder(None, now), folder(None, now, before=True)
    assert [each.find for each in news(fresh).sorted.told] == [Arrived(1, 0, 7)]
    found = news(known)
    assert found.sorted.told == []
    assert [(each.path, saved.changes) for each, saved in found.saved] == [("New", 0)]


def test_a_folder_that_is_gone_tells_no_departures() -> None:
    """Of a removed folder only what came elsewhere is told, as moved; the rest went with it."""
    told = mirror("Old", Seen(1, 0, 7), Seen(2, 0, 8))
    gone = folder(told, told, gone=True)
    found = news(gone, folder(mirror("B"), mirror("B", Seen(3, 0, 8))))
    assert [each.went.find.uid for each in found.sorted.moved] == [2]
    assert found.sorted.told == []
    assert [each.path for each, _ in found.saved] == ["B"]


def test_flags_and_numberings_are_told_by_folder() -> None:
    """New flags come with their folder, a new numbering as one reset; what is saved counts each telling."""
    flagged = folder(mirror("A", Seen(1, 0), changes=4), mirror("A", Seen(1, 1)))
    reset = folder(mirror("B", Seen(1, 0)), mirror("B", Seen(1, 0), uidvalidity=2))
    found = news(flagged, reset)
    assert [finds for _, finds in found.reflagged] == [[Reflagged(1, 1, 0, "4-1")]]
    assert [(each.path, former) for each, former in found.resets] == [("B", Reset(1))]
    assert {each.path: saved.changes for each, saved in found.saved} == {"A": 5, "B": 1}


def test_a_dated_mirror_is_saved_again() -> None:
    """A mirror that was made for another choice of folders is saved even where nothing happened."""
    told = mirror("INBOX")
    assert len(news(folder(told, told, dated=True)).saved) == 1
