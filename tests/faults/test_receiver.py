"""The customer's endpoint is away, or answers anything but yes, and nothing is lost."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from local.m365 import samples
from tests.faults.customer import Answer, Arrival
from tests.faults.stack import Stack, new, running

MESSAGES = 60
# In seconds: a POST that a busy machine answers too late is made again, and nothing is to be learnt from a long wait.
PATIENT, IMPATIENT = "30", "1"
REFUSALS = 2
# The subject of a message chooses how its first attempts are answered.
ANSWERS = {
    "broken": Answer(500),
    "moved": Answer(302, {"Location": "/elsewhere"}),
    "forbidden": Answer(403),
}
# Overload is answered with patience, whatever the schedule says: how many seconds, at least.
OVERLOADS = {
    "throttling": (Answer(429, {"Retry-After": "900"}), 900),
    "unavailable": (Answer(503, {"Retry-After": "900"}), 900),
    "dripping": (Answer(500, drips=True), 60),
}


def answer(data: Mapping[str, Any], number: int) -> Answer:
    """Return what the endpoint says to an attempt."""
    return ANSWERS.get(str(data.get("subject")), Answer()) if number <= REFUSALS else Answer()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack that tries again soon and often."""
    waits = ",".join(["1"] * 20)
    settings = {"RETRY_SCHEDULE_SECONDS": waits, "WEBHOOK_TIMEOUT_SECONDS": PATIENT}
    with running(tmp_path_factory.mktemp("stack"), settings=settings) as started:
        started.customer.answer = answer
        yield started


@pytest.fixture(scope="module")
def refused(stack: Stack) -> Mapping[str, list[str]]:
    """Return ten messages of each subject, once all were delivered and nothing more is to come."""
    # An endpoint that is mostly well keeps its breaker closed.
    stack.customer.wait_for(new(stack.deliver(MESSAGES, rate=30)), 240)
    mailbox = stack.mailboxes[0]
    messages = {
        subject: [stack.m365.deliver(mailbox, samples.plain(subject)) for _ in range(10)] for subject in ANSWERS
    }
    stack.customer.wait_for({("messageNew", message) for some in messages.values() for message in some}, 240)
    stack.settle(240)
    return messages


def alike(attempts: list[Arrival]) -> bool:
    """Tell whether all attempts of an event carried the same id and the same bytes, well signed."""
    return len({(each.id, each.body) for each in attempts}) == 1 and not any(each.problem for each in attempts)


def test_a_receiver_that_is_down_misses_nothing(stack: Stack) -> None:
    """What comes while nobody listens is delivered once somebody does, each event once."""
    stack.customer.close()
    delivered = stack.deliver(MESSAGES, rate=30)
    noted = partial(stack.api.get, "/v1/deliveries", state="retrying", pageSize=250)
    until = time.monotonic() + 240
    while len(noted()["deliveries"]) < MESSAGES:
        assert time.monotonic() < until, "Not every delivery was noted as one to try again."
        time.sleep(0.1)
    assert not new(delivered) & stack.customer.accepted().keys()
    stack.customer.open()
    # The breaker has opened: it asks again after half a minute, and the others follow its probe. Where that came before
    # the customer, it is another minute.
    stack.customer.wait_for(new(delivered), 240)
    stack.settle(240)
    assert {stack.customer.accepted()[event] for event in new(delivered)} == {1}


@pytest.mark.parametrize("subject", ANSWERS)
def test_every_attempt_is_the_same(stack: Stack, refused: Mapping[str, list[str]], subject: str) -> None:
    """An endpoint that does not say yes is asked again, with the same id and bytes, until it does, and then no more."""
    for message in refused[subject]:
        attempts = stack.customer.of(message)
        assert len(attempts) == REFUSALS + 1
        assert alike(attempts)


@pytest.mark.parametrize("overload", OVERLOADS)
def test_an_overloaded_endpoint_is_left_alone(stack: Stack, overload: str) -> None:
    """The next attempt is later than the schedule says, by `Retry-After` or a minute, and the event waits for it."""
    said, seconds = OVERLOADS[overload]
    if said.drips:
        stack.app.restart(WEBHOOK_TIMEOUT_SECONDS=IMPATIENT)
    before = stack.waiting("retries")
    stack.customer.answer = lambda _data, _number: said
    try:
        message = stack.m365.deliver(stack.mailboxes[0], samples.plain())
        attempt = first_attempt(stack, message)
        delivery = recorded(stack, attempt.id, before)
    finally:
        stack.customer.answer = answer
    wait = datetime.fromisoformat(delivery["nextAttempt"]) - datetime.fromisoformat(delivery["attempts"][-1]["at"])
    assert delivery["state"] == "retrying"
    assert timedelta(seconds=seconds) <= wait < timedelta(seconds=2 * seconds)


def first_attempt(stack: Stack, message: str) -> Arrival:
    """Return the first attempt to tell about a message, once it was made."""
    until = time.monotonic() + 240
    while not (attempts := stack.customer.of(message)):
        assert time.monotonic() < until, "No attempt was made."
        time.sleep(0.05)
    return attempts[0]


def recorded(stack: Stack, event: str, before: int) -> dict[str, Any]:
    """Return the record of an event's delivery, once the queue holds a retry more than *before*."""
    until = time.monotonic() + 240
    while not (rows := stack.api.get("/v1/deliveries", eventId=event)["deliveries"]):
        assert time.monotonic() < until, "The attempt was not recorded."
        time.sleep(0.05)
    while stack.waiting("retries") <= before:
        assert time.monotonic() < until, "No retry was queued."
        time.sleep(0.05)
    return dict(rows[0])
