"""Replays: attempts that somebody asked for, through the ordinary retries, and never lost."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.deliveries import Delivery, DeliveryState, Retry
from shared.domain.errors import DeliveryNotFound, InvalidRequest, NotDeliverable
from shared.domain.instance_settings import InstanceSettingsChange
from shared.domain.registrations import AccountChange
from shared.domain.replays import NewReplay
from tests.factories import HOOK, a_delivery, a_delivery_key
from tests.fakes.clock import START
from tests.fakes.webhooks import FAILED
from tests.shared.services.world import OWN, SCHEDULE, Died, Fate, Process, World

MINUTE = timedelta(minutes=1)
GONE = "The endpoint answered 410 Gone and was disabled."


def keep(world: World, number: int = 1, state: DeliveryState = DeliveryState.PARKED, **changes: Any) -> Delivery:
    """Keep a delivery of *number* minutes ago."""
    moment = int((START - number * MINUTE).timestamp() * 1000)
    key = a_delivery_key(moment=moment, event_id=f"event-{number}", webhook=changes.pop("webhook", "default"))
    delivery = a_delivery(key=key, state=state, **changes)
    world.deliveries.add([(delivery, b'{"number":%d}' % number)])
    return delivery


def retry_all(world: World, process: Process) -> None:
    """Make every attempt that will ever be due."""
    while waiting := world.retries.waiting():
        next_due = min(message.due for message in waiting)
        world.clock.advance(max(next_due - world.clock.now(), timedelta()))
        for message in world.retries.take():
            process.deliveries.attempt(message.body, redelivered=False)
            world.retries.done(message)


def now(world: World, delivery: Delivery) -> Delivery:
    """Return the delivery as it is recorded now."""
    stored = world.deliveries.get(delivery.key)
    assert stored is not None
    return stored.value


def a_replay(**changes: Any) -> NewReplay:
    """Return a request for the last hour of the default webhook."""
    return NewReplay(**{"since": START - 60 * MINUTE, "until": START, **changes})


# --- one delivery ---


@pytest.mark.parametrize("state", [state for state in DeliveryState if state is not DeliveryState.DISCARDED])
def test_any_kept_delivery_is_sent_again(world: World, process: Process, state: DeliveryState) -> None:
    """Whatever its state, the same bytes go out under the same id, once."""
    delivery = keep(world, state=state)
    assert process.replays.resend(delivery.key.id) == {"id": delivery.key.id, "queued": True}
    retry_all(world, process)
    (post,) = world.sender.posts
    assert (post.body, post.headers["webhook-id"]) == (b'{"number":1}', "event-1")
    assert now(world, delivery).state is DeliveryState.DELIVERED


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.DELIVERED])
def test_the_schedule_goes_on_from_its_beginning(world: World, process: Process, state: DeliveryState) -> None:
    """Where the asked attempt fails, the whole schedule follows, and its end is told as its own."""
    delivery = keep(world, state=DeliveryState.RETRYING)
    world.retries.put(Retry(delivery=delivery.key, number=1), timedelta())
    world.sender.answer(*[FAILED] * (len(SCHEDULE) + (state is DeliveryState.FAILED)))
    retry_all(world, process)
    made = len(world.sender.posts)
    assert now(world, delivery).state is state
    process.replays.resend(delivery.key.id)
    world.sender.answer(*[FAILED] * (len(SCHEDULE) + 1))
    retry_all(world, process)
    failed = now(world, delivery)
    assert (failed.state, failed.reason) == (DeliveryState.FAILED, "All 4 attempts failed.")
    assert [attempt.number for attempt in failed.attempts] == list(range(1, made + 5))


def test_what_cannot_be_sent_is_refused_with_its_reason(world: World, process: Process) -> None:
    """An unknown delivery, an expired payload, a webhook that is gone or disabled: each is told, and nothing queued."""
    with pytest.raises(DeliveryNotFound):
        process.replays.resend("1_default_x")
    expired = keep(world, payload_expires=START - MINUTE)
    assert refusal(process, expired) == "PayloadExpired"
    assert refusal(process, keep(world, webhook="account-x")) == "WebhookRemoved"
    world.hook("default", HOOK, disabled=GONE)
    assert refusal(process, keep(world, 2)) == "WebhookDisabled"
    assert world.retries.bodies() == []


def test_a_delivered_one_is_not_lost_to_its_resend(world: World, process: Process) -> None:
    """Where bytes or webhook go between the asking and the attempt, a delivered delivery stays delivered."""
    delivery = keep(world, state=DeliveryState.DELIVERED, payload_expires=START + MINUTE)
    process.replays.resend(delivery.key.id)
    world.clock.advance(2 * MINUTE)
    retry_all(world, process)
    assert (now(world, delivery).state, world.sender.posts) == (DeliveryState.DELIVERED, [])


def refusal(process: Process, delivery: Delivery) -> str | None:
    """Return why a delivery is not sent again."""
    with pytest.raises(NotDeliverable) as refused:
        process.replays.resend(delivery.key.id)
    return refused.value.code


# --- many ---


def test_a_replay_brings_what_it_was_asked_for(world: World, process: Process) -> None:
    """Failed and parked deliveries of the time and the webhook are attempted again, and no other."""
    wanted = [keep(world, 1), keep(world, 60), keep(world, 2, DeliveryState.FAILED)]
    keep(world, 61)
    keep(world, 0)
    keep(world, 3, DeliveryState.DELIVERED)
    keep(world, 4, payload_expires=START - MINUTE)
    keep(world, 5, webhook="account-x")
    process.replays.start(a_replay())
    process.work()
    retry_all(world, process)
    assert {now(world, delivery).state for delivery in wanted} == {DeliveryState.DELIVERED}
    assert {post.headers["webhook-id"] for post in world.sender.posts} == {"event-1", "event-60", "event-2"}
    (ended,) = world.log.named("replay.ended")
    assert ended["queued"] == 3


def test_a_replay_keeps_its_pace(world: World, process: Process) -> None:
    """At 2 a minute, 5 deliveries are due every 30 seconds, a page at a time."""
    for number in range(1, 6):
        keep(world, number)
    process.replays.start(a_replay(per_minute=2, states=(DeliveryState.PARKED,)))
    process.work()
    due = [(message.due - START).total_seconds() for message in world.retries.waiting()]
    assert due == [0, 30, 60, 90, 120]


def test_a_dry_run_counts_and_queues_nothing(world: World, process: Process) -> None:
    """A dry run tells how many there are, of a disabled webhook too."""
    for number in range(1, 4):
        keep(world, number)
    keep(world, 4, DeliveryState.FAILED)
    world.hook("default", HOOK, disabled=GONE)
    assert process.replays.start(a_replay(dry_run=True)) == {"replay": None, "deliveries": 4, "more": False}
    assert (world.jobs.bodies(), world.retries.bodies()) == ([], [])


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 12))
def test_a_crash_loses_no_part_of_a_replay(world: World, at: int, *, after: bool) -> None:
    """Whenever the process dies, every delivery is attempted again, under its own id."""
    kept = [keep(world, number) for number in range(1, 6)]
    world.process().replays.start(a_replay(per_minute=2))
    doomed = world.process(Fate(at=at, after=after).over)
    while messages := world.jobs.take():
        for message in messages:
            try:
                doomed.jobs.run(message.body)
            except Died:
                world.jobs.return_(message)
                doomed = world.process()
            else:
                world.jobs.done(message)
        world.clock.advance(MINUTE)
    process = world.process()
    process.work()
    retry_all(world, process)
    assert {now(world, delivery).state for delivery in kept} == {DeliveryState.DELIVERED}


def test_a_replay_of_nobody_is_refused(world: World, process: Process) -> None:
    """A webhook that nobody set up is named as the wrong field; a disabled one must be enabled first."""
    with pytest.raises(InvalidRequest):
        process.replays.start(a_replay(webhook="account-x"))
    world.hook("default", HOOK, disabled=GONE)
    with pytest.raises(NotDeliverable):
        process.replays.start(a_replay())


def test_a_replay_stops_where_the_webhook_is_disabled(world: World, process: Process) -> None:
    """A webhook that is disabled on the way gets nothing more, and an operator can see it."""
    keep(world)
    process.replays.start(a_replay())
    world.hook("default", HOOK, disabled=GONE)
    process.work()
    assert (world.retries.bodies(), world.log.problems()) == ([], ["replay.stopped"])


# --- a webhook that is enabled again ---


def test_setting_the_url_again_brings_what_was_parked(world: World, process: Process) -> None:
    """The default webhook's parked deliveries that are kept follow by themselves when its URL is set, the same too."""
    parked = [keep(world, 1), keep(world, 20 * 24 * 60)]
    world.hook("default", HOOK, disabled=GONE)
    process.settings.change(InstanceSettingsChange(webhooks=HOOK))
    process.work()
    retry_all(world, process)
    assert {now(world, delivery).state for delivery in parked} == {DeliveryState.DELIVERED}


def test_an_account_s_own_webhook_too(world: World, process: Process) -> None:
    """An account's webhook is enabled and replayed when its URL is set."""
    account = world.connected(webhooks=OWN)
    world.live(account)
    world.hook(account.webhook, OWN, disabled=GONE)
    parked = keep(world, webhook=account.webhook)
    process.change("anna", AccountChange.model_validate({"webhooks": OWN}))
    process.work()
    retry_all(world, process)
    assert now(world, parked).state is DeliveryState.DELIVERED


def test_other_headers_enable_nothing(world: World, process: Process) -> None:
    """New headers leave a disabled webhook disabled."""
    world.hook("default", HOOK, disabled=GONE)
    change = InstanceSettingsChange.model_validate({"webhooksCustomHeaders": [{"key": "X-Key", "value": "1"}]})
    process.settings.change(change)
    stored = world.webhooks.get("default")
    assert stored is not None
    assert stored.value.disabled == GONE
    assert world.jobs.bodies() == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 10))
def test_a_crash_while_enabling_leaves_nothing_parked(world: World, at: int, *, after: bool) -> None:
    """Whenever the process dies, the request, made again, ends with everything delivered."""
    parked = keep(world)
    world.hook("default", HOOK, disabled=GONE)
    change = InstanceSettingsChange(webhooks=HOOK)
    try:
        world.process(Fate(at=at, after=after).over).settings.change(change)
    except Died:
        world.process().settings.change(change)
    process = world.process()
    process.work()
    retry_all(world, process)
    assert now(world, parked).state is DeliveryState.DELIVERED
