"""Endpoints: a dead one costs few attempts, holds up no other, and is disabled in the end."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from shared.domain.deliveries import DeliveryQuery, DeliveryState, Outcome
from shared.domain.errors import TryLater
from shared.domain.webhooks import Webhook
from shared.ports.deliveries import Post
from shared.services.deliveries import Outgoing
from tests.factories import HOOK, an_event
from tests.fakes.clock import START
from tests.fakes.faults import Faulty
from tests.fakes.webhooks import FAILED, GONE, TAKEN
from tests.shared.services.world import OWN, Process, World

UNCONNECTED = Outcome(error="connect_failed", milliseconds=1)
DAY = timedelta(days=1)


def send(world: World, process: Process, number: int, webhook: str = "default") -> None:
    """Send an event of this moment."""
    now = world.clock.now()
    event = an_event(id=f"event-{number}", moment=now, date=now, learned=now)
    process.deliveries.dispatch([Outgoing(event, webhook, b"{}", suspicious=False, correlation="")])


def states(process: Process, webhook: str = "default") -> list[str]:
    """Return the states of a webhook's deliveries."""
    page = process.deliveries.page(DeliveryQuery(webhook=webhook, page_size=250))
    return [shown["state"] for shown in page["deliveries"]]


def hook(world: World) -> Webhook:
    """Return the default webhook as it is now."""
    stored = world.webhooks.get("default")
    assert stored is not None
    return stored.value


# --- breakers ---


def test_a_dead_endpoint_costs_few_attempts(world: World, process: Process) -> None:
    """After 5 connections that nobody took nothing is posted: the deliveries wait without an attempt."""
    world.sender.answer(*[UNCONNECTED] * 5)
    for number in range(20):
        send(world, process, number)
    assert len(world.sender.posts) == 5
    assert states(process) == ["retrying"] * 20
    (*_, last) = world.retries.waiting()
    assert last.body.number == 1
    assert START + timedelta(seconds=30) <= last.due <= START + timedelta(seconds=36)
    assert world.log.problems() == ["breaker.opened"]


@pytest.mark.parametrize("failure", [UNCONNECTED, FAILED])
def test_a_dead_endpoint_costs_few_attempts_of_many_at_once(world: World, failure: Outcome) -> None:
    """Of a batch that finds its endpoint dead ten are attempted, and the others wait; another endpoint gets all."""
    world.hook("account-x", OWN)
    now = world.clock.now()
    events = [an_event(id=f"event-{number}", moment=now, date=now, learned=now) for number in range(150)]

    class Half:
        def send(self, posts: Sequence[Post]) -> list[Outcome]:
            return [
                sent if post.url == OWN else failure for post, sent in zip(posts, world.sender.send(posts), strict=True)
            ]

    process = world.process(lambda port: Half() if port is world.sender else port)
    hooks = [("default", "account-x")[number % 2] for number in range(150)]
    process.deliveries.dispatch(
        [
            Outgoing(event, name, b"{}", suspicious=False, correlation="")
            for event, name in zip(events, hooks, strict=True)
        ]
    )
    assert Counter(post.url == OWN for post in world.sender.posts) == {True: 75, False: 10}
    assert (states(process), states(process, "account-x")) == (["retrying"] * 75, ["delivered"] * 75)
    assert len(world.retries.waiting()) == 75


def test_another_endpoint_is_not_held_up(world: World, process: Process) -> None:
    """While one webhook's breaker is open, another webhook's events are posted at once."""
    world.hook("account-x", OWN)
    world.sender.answer(*[UNCONNECTED] * 5)
    for number in range(6):
        send(world, process, number)
    send(world, process, 7, "account-x")
    assert world.sender.posts[-1].url == OWN
    assert states(process, "account-x") == ["delivered"]


def test_what_waited_is_delivered_when_the_endpoint_is_back(world: World, process: Process) -> None:
    """One probe goes ahead; when it is taken all others follow, and none has lost an attempt to the waiting."""
    world.sender.answer(*[UNCONNECTED] * 5)
    for number in range(20):
        send(world, process, number)
    while waiting := world.retries.waiting():
        next_due = min(message.due for message in waiting)
        world.clock.advance(max(next_due - world.clock.now(), timedelta()))
        for message in world.retries.take():
            process.deliveries.attempt(message.body, redelivered=False)
            world.retries.done(message)
    assert states(process) == ["delivered"] * 20
    assert len(world.sender.posts) == 25
    assert len(world.log.named("breaker.closed")) == 1


def test_a_new_address_has_a_new_breaker(world: World, process: Process) -> None:
    """What is known of an endpoint says nothing of the one that takes its place."""
    world.sender.answer(*[UNCONNECTED] * 5)
    for number in range(5):
        send(world, process, number)
    world.hook("default", "https://new.example.com/hook")
    process.deliveries.webhook_lookup.forget("default")
    send(world, process, 6)
    assert world.sender.posts[-1].url == "https://new.example.com/hook"


# --- five days ---


def test_the_row_is_written_on_the_first_failure_and_on_the_first_success(world: World, process: Process) -> None:
    """`failing_since` is the first failure, untouched by those that follow, and gone with the first success."""
    world.sender.answer(FAILED, FAILED, TAKEN, TAKEN)
    send(world, process, 1)
    failing = world.webhooks.get("default")
    assert hook(world).failing_since == START
    world.clock.advance(DAY)
    send(world, process, 2)
    assert world.webhooks.get("default") == failing
    send(world, process, 3)
    well = world.webhooks.get("default")
    assert hook(world).failing_since is None
    send(world, process, 4)
    assert world.webhooks.get("default") == well


def test_five_days_of_failures_disable_the_webhook(world: World, process: Process) -> None:
    """A failure 5 days after the first disables the webhook, loudly, and parks the delivery and those that follow."""
    world.sender.answer(*[FAILED] * 3)
    send(world, process, 1)
    world.clock.advance(5 * DAY - timedelta(seconds=1))
    send(world, process, 2)
    assert hook(world).disabled is None
    world.clock.advance(timedelta(seconds=1))
    send(world, process, 3)
    send(world, process, 4)
    assert hook(world).disabled == "Every attempt of 5 days failed; the endpoint was disabled."
    assert states(process).count(DeliveryState.PARKED) == 2
    assert (len(world.sender.posts), world.log.problems()) == (3, ["webhook.disabled"])


def test_a_webhook_is_disabled_once(world: World, process: Process) -> None:
    """Where several POSTs of one moment are told that the endpoint is gone, one line says so, and all are parked."""
    world.sender.answer(GONE, GONE, GONE)
    events = [an_event(id=f"event-{number}") for number in range(3)]
    made = [Outgoing(event, "default", b"{}", suspicious=False, correlation="") for event in events]
    process.deliveries.dispatch(made)
    assert states(process) == ["parked"] * 3
    assert world.log.problems() == ["webhook.disabled"]


def test_a_success_elsewhere_counts(world: World, process: Process) -> None:
    """A success of a process that did not know of the failure yet keeps the webhook enabled: its row tells."""
    other = world.process()
    other.deliveries.webhook_lookup.get("default")
    world.sender.answer(FAILED, TAKEN, FAILED)
    send(world, process, 1)
    world.clock.advance(timedelta(seconds=5))
    send(world, other, 2)
    assert hook(world).failing_since == START
    world.clock.advance(5 * DAY)
    send(world, process, 3)
    assert (hook(world).disabled, hook(world).failing_since) == (None, START + 5 * DAY + timedelta(seconds=5))


def test_another_address_has_not_failed(world: World, process: Process) -> None:
    """A URL that was set while the old one was failing is not disabled for it."""
    world.hook("default", HOOK, failing_since=START - 6 * DAY)
    world.sender.answer(FAILED)
    world.sender.meanwhile = lambda: world.hook("default", "https://new.example.com/hook")
    send(world, process, 1)
    assert hook(world).disabled is None


def test_an_outage_of_the_table_does_not_undo_a_post(world: World) -> None:
    """Where the webhook's row cannot be written, the attempt is recorded all the same."""
    webhooks = Faulty(world.webhooks)
    webhooks.fail("replace", TryLater("Storage is busy."))
    process = world.process(lambda port: webhooks.port if port is world.webhooks else port)
    world.sender.answer(FAILED, FAILED)
    send(world, process, 1)
    assert (states(process), hook(world).failing_since) == (["retrying"], None)
    send(world, process, 2)
    assert hook(world).failing_since == START
