"""Several processes of the app work on one mailbox that is flooded, and keep to the requests that Graph allows."""

import threading
import time
from collections.abc import Iterator

import pytest

from local.m365.control import Delivered
from tests.faults.stack import App, Stack, new, running

APPS = 6
# Delivered at a time, and again where too few processes have had some of them.
MESSAGES = 300
ROUNDS = 5
# A second, so that the messages of the queue are many.
RATE = 60
# As long as Outlook takes for a message.
LATENCY = 0.08
# What Graph allows an application at a mailbox.
LIMIT = 4

# All of it happens before the first test, and on a machine five times slower that takes five minutes.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack of several processes, with one mailbox."""
    with running(tmp_path_factory.mktemp("stack"), mailboxes=1, apps=APPS) as started:
        started.settle(240)
        started.m365.behaviour(graph_latency=LATENCY)
        started.m365.reset_stats()
        yield started


@pytest.fixture(scope="module")
def wanted(stack: Stack) -> set[tuple[str, str]]:
    """Return the events that must have come, when all that was delivered has been worked off beside sweeps."""
    came: list[Delivered] = []
    for _ in range(ROUNDS):
        load = threading.Thread(target=lambda: came.extend(stack.deliver(MESSAGES, rate=RATE)))
        load.start()
        while load.is_alive():
            _sweep(stack)
        stack.customer.wait_for(new(came), 240)
        if _workers(stack) > LIMIT:
            break
    stack.settle(240)
    return new(came)


def _sweep(stack: Stack) -> None:
    """Have the mailbox looked at as it is due, and then again because somebody asks."""
    until = time.monotonic() + 240
    for look in (stack.sweep, stack.sync):
        look("m0")
        while stack.waiting("jobs"):
            assert time.monotonic() < until, "The look did not end."
            time.sleep(0.1)


def _workers(stack: Stack) -> int:
    """Return how many processes have told of mail."""
    return sum(_worked(app) for app in (stack.app, *stack.others))


def _worked(app: App) -> bool:
    return "changes.expanded" in app.log.with_suffix(f".{app.starts}.log").read_text(encoding="utf-8")


def test_graph_sees_no_more_than_it_allows(stack: Stack, wanted: set[tuple[str, str]]) -> None:
    """Though more processes than that are at work, no more than four requests to the mailbox run at a time."""
    assert _workers(stack) > LIMIT
    stats = stack.m365.stats()
    assert max(stats["high_water"].values()) <= LIMIT
    assert "throttled_concurrency" not in stats["calls"]


def test_every_message_is_delivered(stack: Stack, wanted: set[tuple[str, str]]) -> None:
    """Every message leads to its event, and to no other, and nothing was given up."""
    assert len(wanted) in {MESSAGES * rounds for rounds in range(1, ROUNDS + 1)}
    assert stack.customer.accepted().keys() == wanted
    assert not stack.customer.forged()
    assert stack.poisoned() == 0
