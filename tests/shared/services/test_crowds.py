"""Crowds: mailboxes that change fast."""

from datetime import timedelta

from shared.domain.changes import Change
from shared.services.crowds import LIMIT, Crowds
from tests.factories import a_change, an_account
from tests.fakes.clock import START

SECOND = timedelta(seconds=1)


def of(name: str, number: int = 1) -> list[Change]:
    """Return changes of an account."""
    return [a_change(account=an_account(name).key) for _ in range(number)]


def crowded(changes: tuple[Change, ...]) -> list[bool]:
    """Return which changes are marked."""
    return [change.crowded for change in changes]


def test_many_changes_at_once_are_a_crowd() -> None:
    """A few changes of one account are none; with one more, all of them are, and those of another account are not."""
    assert crowded(Crowds().mark(of("anna", LIMIT), START)) == [False] * LIMIT
    marked = Crowds().mark([*of("berta"), *of("anna", LIMIT + 1)], START)
    assert crowded(marked) == [False] + [True] * (LIMIT + 1)


def test_changes_one_by_one_become_a_crowd() -> None:
    """Ten changes a second become a crowd within a second; two a second never do."""
    crowds = Crowds()
    assert any(crowded(crowds.mark(of("anna"), START + SECOND * number / 10))[0] for number in range(10))
    crowds = Crowds()
    assert not any(crowded(crowds.mark(of("anna"), START + SECOND * number / 2))[0] for number in range(100))


def test_a_crowd_disperses() -> None:
    """Some seconds after a burst a change is one change again; a clock that is set back does not make it more."""
    crowds = Crowds()
    crowds.mark(of("anna", 60), START)
    assert crowded(crowds.mark(of("anna"), START - 60 * SECOND)) == [True]
    assert crowded(crowds.mark(of("anna"), START + 10 * SECOND)) == [False]


def test_a_mark_stays() -> None:
    """What was marked elsewhere stays marked."""
    assert crowded(Crowds().mark([a_change(crowded=True), a_change()], START)) == [True, False]


def test_memory_is_bounded() -> None:
    """Only the accounts that changed last are counted."""
    crowds = Crowds(capacity=2)
    for name in ("anna", "berta", "carla"):
        crowds.mark(of(name, LIMIT), START)
    assert len(crowds._counts) == 2
    assert crowded(crowds.mark(of("carla"), START)) == [True]
    assert crowded(crowds.mark(of("anna"), START)) == [False]
