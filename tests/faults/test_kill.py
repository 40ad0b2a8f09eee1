"""The function app is killed again and again under load, and nothing is lost."""

import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.stack import Stack, new, running

MESSAGES = 240
RATE = 24
KILLS = 4
# The lease of a dead process is over after this time, and its messages are taken by the next.
# Long enough that a busy machine renews those of the living in time.
LEASE = 5

# All of it happens before the first test, and on a machine five times slower that takes five minutes.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack whose leases are short."""
    with running(tmp_path_factory.mktemp("stack"), mailboxes=10, lease=LEASE) as started:
        yield started


@pytest.fixture(scope="module")
def wanted(stack: Stack) -> set[tuple[str, str]]:
    """Return the events that must have come, when all that was delivered between the kills has been worked off."""
    chance = random.Random(365)  # noqa: S311  when to kill is no secret
    came: set[tuple[str, str]] = set()
    load = threading.Thread(target=lambda: came.update(new(stack.deliver(MESSAGES, rate=RATE))))
    load.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.3, 1.5))
        stack.app.kill()
        stack.app.start()
    load.join()
    stack.customer.wait_for(came, 240)
    stack.settle(240)
    return came


def test_nothing_is_lost(stack: Stack, wanted: set[tuple[str, str]]) -> None:
    """Every message that came leads to its event, and to no other, and nothing was given up."""
    assert len(wanted) == MESSAGES
    assert stack.customer.accepted().keys() == wanted
    assert not stack.customer.forged()
    assert stack.poisoned() == 0


def test_duplicates_are_few_and_known_by_their_id(stack: Stack, wanted: set[tuple[str, str]]) -> None:
    """What comes again is the smaller part, and comes under the same id."""
    accepted = stack.customer.accepted()
    # What is in hand when a process dies is a few batches, not the whole load.
    assert sum(accepted.values()) - len(wanted) < len(wanted) / 2
    assert len({arrival.id for arrival in stack.customer.arrivals}) == len(wanted)


def test_every_row_ends_as_delivered(stack: Stack, wanted: set[tuple[str, str]]) -> None:
    """The record of the deliveries is whole: one row for each event, and each says delivered."""
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = stack.api.get("/v1/deliveries", pageSize=250, **cursor)
        rows += page["deliveries"]
        if page["nextPageCursor"] is None:
            break
        cursor = {"cursor": page["nextPageCursor"]}
    assert {row["state"] for row in rows} == {"delivered"}
    assert {row["eventId"] for row in rows} == {arrival.id for arrival in stack.customer.arrivals}


def test_a_duplicate_carries_the_same_bytes(stack: Stack, wanted: set[tuple[str, str]]) -> None:
    """What comes again after a kill is, byte for byte, what came before."""
    assert not stack.customer.differing()
