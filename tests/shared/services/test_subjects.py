"""Subjects: what a batch says of a message, and with what it goes back."""

from datetime import timedelta

import pytest

from shared.domain.changes import Change
from shared.domain.webhooks import DEFAULT
from shared.services.subjects import Result, Subject
from tests.factories import a_change, an_account
from tests.fakes.clock import START

SECOND = timedelta(seconds=1)


def subject(*changes: Change) -> Subject:
    """Return what the changes say of one message."""
    made = Subject(an_account(), "m")
    for change in changes:
        made.add(change)
    return made


def back(result: Result) -> tuple[timedelta, Change]:
    """Return the one change that goes back, and after which time."""
    ((wait, (change,)),) = result.again.items()
    return wait, change


def test_a_subject_is_as_old_and_as_tried_as_its_changes() -> None:
    """It was first seen with the first of its changes, and looked for as often as the most sought of them."""
    seen = subject(a_change(seen=START, looks=1), a_change(seen=START - SECOND, tries=2))
    assert (seen.first_seen, seen.looks, seen.tries, seen.worked_on) == (START - SECOND, 1, 2, True)
    assert not subject(a_change()).worked_on


@pytest.mark.parametrize(("looks", "seconds"), [(0, 1), (1, 8), (2, 30), (9, 30)])
def test_looks_come_further_apart(looks: int, seconds: int) -> None:
    """What should be there is looked for after a second, then after more, and the look is counted."""
    result = Result()
    result.look_again(subject(a_change(looks=looks)), told=False)
    wait, change = back(result)
    assert (wait, change.looks, change.tries) == (timedelta(seconds=seconds), looks + 1, 0)


def test_what_was_told_in_part_is_known_as_tried() -> None:
    """Where a part of what it means goes out before the next look, the change says so."""
    result = Result()
    result.look_again(subject(a_change()), told=True)
    assert back(result)[1].tries == 1


@pytest.mark.parametrize("redelivered", [True, False])
def test_waiting_for_room_is_no_try(*, redelivered: bool) -> None:
    """Who waits for room has tried nothing, unless somebody may have before."""
    result = Result()
    result.wait_for_room(subject(a_change()), SECOND, redelivered=redelivered)
    wait, change = back(result)
    assert (wait, change.crowded, change.tries, result.crowded) == (SECOND, True, int(redelivered), 1)


def test_events_go_to_the_accounts_own_webhook_or_to_the_instances() -> None:
    """An account without an endpoint of its own tells the instance's."""
    own = an_account(webhooks="https://example.com/own")
    assert Subject(own, "m").webhook == own.webhook
    assert subject().webhook == DEFAULT
