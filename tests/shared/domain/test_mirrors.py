"""Mirrors of IMAP folders: what changed between two looks."""

from array import array
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.mirrors import (
    FLAGS,
    Arrived,
    Find,
    Gone,
    Mirror,
    Reflagged,
    Reset,
    Seen,
    after,
    baseline,
    bits,
    compare,
    fingerprint,
    names,
)

FOLDERS = st.dictionaries(st.integers(1, 60), st.integers(0, 63), max_size=40)


def a_mirror(folder: dict[int, int], uidvalidity: int = 7, changes: int = 0) -> Mirror:
    """Return the mirror of a folder with these messages: flags by UID."""
    seen = [Seen(uid, flags, uid + 1000) for uid, flags in folder.items()]
    return baseline("INBOX", uidvalidity, 1, seen, changes=changes)


def applied(folder: dict[int, int], finds: list[Find]) -> dict[int, int]:
    """Return what a listener who knew *folder* makes of the finds."""
    told = dict(folder)
    for find in finds:
        if isinstance(find, Gone):
            assert told.pop(find.uid) == find.flags
        elif isinstance(find, Reflagged):
            assert told[find.uid] == find.former != find.flags
            told[find.uid] = find.flags
        elif isinstance(find, Arrived):
            assert find.uid not in told
            assert find.fingerprint == find.uid + 1000
            told[find.uid] = find.flags
    return told


@given(FOLDERS, FOLDERS)
def test_finds_lead_from_one_mirror_to_the_other(before: dict[int, int], now: dict[int, int]) -> None:
    """Whoever follows the finds knows the folder as it is: none is missed, none is false, none comes twice."""
    finds = compare(a_mirror(before), a_mirror(now))
    assert applied(before, finds) == now
    assert len(finds) == sum(before.get(uid) != now.get(uid) for uid in before.keys() | now.keys())


@given(FOLDERS)
def test_nothing_happened(folder: dict[int, int]) -> None:
    """A folder that is as it was brings no find, and its mirror stays as it is."""
    mirror = a_mirror(folder)
    assert compare(mirror, a_mirror(folder)) == []
    assert after(mirror, [], mirror) == mirror


def test_versions_survive_a_crash_and_tell_a_toggle() -> None:
    """A comparison that is repeated finds the same version; the same flags later, after others, are another one."""
    unseen, seen = a_mirror({1: 0}), a_mirror({1: 1})
    (first,) = compare(unseen, seen)
    assert compare(unseen, seen) == [first]
    saved = after(seen, [first], unseen)
    (back,) = compare(saved, a_mirror({1: 0}))
    saved = after(a_mirror({1: 0}), [back], saved)
    (again,) = compare(saved, seen)
    assert isinstance(first, Reflagged)
    assert isinstance(again, Reflagged)
    assert (first.flags, first.version) != (again.flags, again.version)
    assert first.flags == again.flags


def test_new_numbering_is_one_reset() -> None:
    """Another UIDVALIDITY is one find, however many messages there are."""
    assert compare(a_mirror({1: 0, 2: 1}, 7), a_mirror({1: 0}, 8)) == [Reset(7)]


def test_flags_are_the_six_of_exchange() -> None:
    """The six flags are told whatever their case; others are left out."""
    assert names(bits(["\\seen", "$MDNSENT", "\\Recent", "Custom"])) == {"\\Seen", "$MDNSent"}
    assert names(bits(FLAGS)) == set(FLAGS)


def test_fingerprint_is_the_same_in_every_folder() -> None:
    """A message is known by its moment, whatever the zone, and its size; where one is unknown it fits none."""
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    there = at.astimezone(timezone(timedelta(hours=9)))
    assert fingerprint(at, 100) == fingerprint(there, 100) == 3441528353
    assert len({fingerprint(at, 100), fingerprint(at, 101), fingerprint(at + timedelta(seconds=1), 100)}) == 3
    assert fingerprint(None, 100) == fingerprint(at, None) == 0


@pytest.mark.parametrize("uidnext", [1, 90])
def test_highest_uid_is_kept(uidnext: int) -> None:
    """UIDNEXT is never behind the messages that were seen, whatever the server says."""
    mirror = baseline("INBOX", 7, uidnext, [Seen(40, 0), Seen(3, 0)])
    assert (mirror.uidnext, mirror.uids) == (max(41, uidnext), array("I", [3, 40]))
