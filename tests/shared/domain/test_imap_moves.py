"""Moves between the watched folders of a mailbox."""

from datetime import timedelta

import pytest

from shared.domain.imap_moves import Moved, Noted, Sorted, sort_out
from shared.domain.mirrors import Arrived, Gone
from tests.fakes.clock import START

WINDOW = timedelta(seconds=60)


def gone(folder: str, uid: int, fingerprint: int = 5, after: float = 0) -> Noted:
    """Return a departure."""
    return Noted(folder, Gone(uid, 0, fingerprint), START + timedelta(seconds=after))


def came(folder: str, uid: int, fingerprint: int = 5, after: float = 0) -> Noted:
    """Return an arrival."""
    return Noted(folder, Arrived(uid, 0, fingerprint), START + timedelta(seconds=after))


def sorted_at(seconds: float, *noted: Noted, held: bool = False, folders: int = 2) -> Sorted:
    """Sort them out so many seconds later."""
    return sort_out(
        noted,
        held_elsewhere=lambda folder, fingerprint: held,
        now=START + timedelta(seconds=seconds),
        window=WINDOW,
        folders=folders,
    )


@pytest.mark.parametrize(("there", "here"), [(0, 20), (20, 0)], ids=["departure first", "arrival first"])
def test_departure_and_arrival_are_a_move(there: float, here: float) -> None:
    """A message that goes in one folder and comes in another is told once, whichever is seen first."""
    went, arrived = gone("a", 1, after=there), came("b", 9, after=here)
    assert sorted_at(20, arrived, went) == Sorted(moved=[Moved(went, arrived)])


def test_usual_mail_waits_for_nothing() -> None:
    """An arrival of which no other folder holds a likeness is told at once."""
    assert sorted_at(0, came("a", 1)).told == [came("a", 1)]


def test_likeness_elsewhere_waits_and_is_told_in_the_end() -> None:
    """An arrival that another folder holds too waits for its departure; a copy is told when time is up."""
    assert sorted_at(59, came("b", 9), held=True).waiting == [came("b", 9)]
    assert sorted_at(60, came("b", 9), held=True).told == [came("b", 9)]


def test_departure_waits_and_is_told_in_the_end() -> None:
    """A departure waits for an arrival elsewhere, but only where there is another watched folder."""
    assert sorted_at(59, gone("a", 1)).waiting == [gone("a", 1)]
    assert sorted_at(60, gone("a", 1)).told == [gone("a", 1)]
    assert sorted_at(0, gone("a", 1), folders=1).told == [gone("a", 1)]


def test_what_is_no_move() -> None:
    """Other fingerprints, unknown ones, the same folder, and a departure long ago make no move."""
    for pair in (
        (gone("a", 1, 5), came("b", 9, 6)),
        (gone("a", 1, 0), came("b", 9, 0)),
        (gone("a", 1), came("a", 9)),
        (gone("a", 1), came("b", 9, after=61)),
    ):
        assert sorted_at(200, *pair) == Sorted(told=list(pair))


def test_each_departure_makes_one_move() -> None:
    """Two likenesses that arrive for one that went are one move and one arrival."""
    result = sorted_at(200, gone("a", 1), came("b", 9), came("c", 4))
    assert result == Sorted(moved=[Moved(gone("a", 1), came("b", 9))], told=[came("c", 4)])
