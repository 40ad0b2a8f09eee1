"""Microsoft 365 fails in every way that it is known for, and each event still arrives, once and as what it is."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.m365.faults import FAULTS as ALL_FAULTS
from tests.faults.stack import Stack, new, running

MESSAGES = 60
# Some come at once, and are read together; the others so many a second, and most are read alone.
AT_ONCE = 10
RATE = 30
# Chance may spare the few calls of a busy machine, so the first one is struck for certain.
OFTEN = {"share": 0.3, "count": 1}
FAULTS: dict[str, dict[str, Any]] = {
    "unavailable": {"inner_503": OFTEN, "outer_503": OFTEN},
    "throttled": {"inner_429": {**OFTEN, "retry_after": 1}, "outer_429": {**OFTEN, "retry_after": 1}},
    "lagging": {"read_lag": {"share": 0.5, "reads": 1}},
    "repeating": {"duplicated": 0.5, "reordered": 0.3},
    "unanswered": {"refused": {"count": 5}},
    "cutting": {"connection_reset": {**OFTEN, "share": 0.2}, "inner_missing": OFTEN, "empty_body": {"count": 2}},
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack with five mailboxes."""
    with running(tmp_path_factory.mktemp("stack")) as started:
        yield started


@pytest.fixture(autouse=True)
def _no_faults_left(stack: Stack) -> Iterator[None]:
    yield
    heal(stack)


def heal(stack: Stack) -> None:
    """End every fault."""
    stack.m365.faults(**dict.fromkeys(ALL_FAULTS, 0))


def of(stack: Stack, event: tuple[str, str]) -> list[tuple[float, str, int]]:
    """Return when each POST of an event came, under which id, and which number that id had."""
    name, message = event
    return [(arrival.at, arrival.id, arrival.number) for arrival in stack.customer.of(message, name)]


def arrive(stack: Stack, wanted: set[tuple[str, str]], seconds: float = 100) -> None:
    """Check that each wanted event comes, and that nothing else does; for the last ones the faults have ended."""
    before = stack.customer.accepted()
    # A message that chance strikes five times in a row would wait for minutes.
    stack.customer.wait_for(wanted, seconds, but=len(wanted) // 10)
    heal(stack)
    stack.customer.wait_for(wanted, seconds)
    stack.settle(seconds)
    came = stack.customer.accepted()
    assert {event for event, times in came.items() if times > before.get(event, 0)} <= wanted
    assert {event: of(stack, event) for event in wanted if came[event] != 1} == {}
    assert not stack.customer.forged()
    assert stack.poisoned() == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_every_message_arrives(stack: Stack, fault: str) -> None:
    """Whatever Graph does, each message that came leads to one messageNew, and to nothing else."""
    stack.m365.faults(**FAULTS[fault])
    came = [*stack.deliver(AT_ONCE), *stack.deliver(MESSAGES - AT_ONCE, rate=RATE)]
    arrive(stack, new(came))
    happened = stack.m365.stats()["faults"]
    assert all(happened.get(name) for name in FAULTS[fault]), happened


def test_whatever_happens_to_a_message_is_told_as_what_it_is(stack: Stack) -> None:
    """Flags, moves and deletions, notified twice and out of order, each lead to one event of their own kind."""
    delivered = stack.deliver(MESSAGES)
    arrive(stack, new(delivered))
    stack.m365.faults(duplicated=0.5, reordered=0.3, inner_503=0.2)
    wanted = set()
    for index, message in enumerate(delivered):
        kind = index % 3
        if kind == 0:
            stack.m365.set_flag(message.mailbox, message.id)
        elif kind == 1:
            stack.m365.move(message.mailbox, message.id, "archive")
        else:
            stack.m365.delete(message.mailbox, message.id)
        wanted.add((("messageUpdated", "messageMoved", "messageDeleted")[kind], message.id))
    arrive(stack, wanted)


def test_a_sign_in_that_fails_for_a_while_delays_only(stack: Stack) -> None:
    """A new process that gets no token at first tells everything once it has one, and disturbs no account."""
    stack.app.stop()
    stack.m365.faults(token_error={"count": 4})
    stack.app.start()
    arrive(stack, new(stack.deliver(MESSAGES, rate=RATE)))
    assert stack.m365.stats()["faults"]["token_error"] == 4
    assert {account["state"] for account in stack.api.get("/v1/accounts")["accounts"]} == {"connected"}
