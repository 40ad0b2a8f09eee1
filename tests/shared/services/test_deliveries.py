"""Deliveries: the order that loses nothing, the schedule, and what a receiver can check."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from standardwebhooks import Webhook as Receiver

from shared.domain.deliveries import Delivery, DeliveryKey, DeliveryQuery, DeliveryState, Outcome, Retry
from shared.domain.errors import Changed, DeliveryNotFound, TryLater
from shared.domain.instance_settings import InstanceSettingsChange
from shared.ports.deliveries import BUSY
from shared.ports.records import Page
from shared.services.deliveries import Outgoing
from tests.factories import EVENT, HOOK, an_event
from tests.fakes.clock import START
from tests.fakes.faults import Faulty
from tests.fakes.webhooks import FAILED, GONE
from tests.shared.services.world import SCHEDULE, SERVICE_SECRET, Died, Fate, Process, World

PAYLOAD = '{"event":"messageNew","data":{"subject":"Grüße, 世界"}}'.encode()
KEY = DeliveryKey(webhook="default", moment=int(START.timestamp() * 1000), event_id=EVENT)


def outgoing(**changes: Any) -> Outgoing:
    """Return an event on its way to the default webhook."""
    values: dict[str, Any] = {
        "event": an_event(),
        "webhook": "default",
        "payload": PAYLOAD,
        "suspicious": False,
        "correlation": "request-1",
    }
    return Outgoing(**{**values, **changes})


def row(world: World) -> Delivery:
    """Return the delivery as it is recorded now."""
    stored = world.deliveries.get(KEY)
    assert stored is not None
    return stored.value


def make_retries(world: World, process: Process) -> None:
    """Make the attempts that are due."""
    for message in world.retries.take():
        process.deliveries.attempt(message.body, redelivered=message.dequeue_count > 1)
        world.retries.done(message)


def make_all_retries(world: World, process: Process) -> None:
    """Make every attempt that will ever be due."""
    while waiting := world.retries.waiting():
        world.clock.advance(max(waiting[0].due - world.clock.now(), timedelta()))
        make_retries(world, process)


class Diary:
    """Writes down what is asked of the outside, in order."""

    def __init__(self) -> None:
        self.effects: list[str] = []

    def of(self, world: World) -> Callable[[Any], Any]:
        """Return what puts the diary before the three ports whose order is the promise."""
        kept = {id(world.sender): "POST", id(world.deliveries): "row", id(world.retries): "retry"}
        return lambda port: _Noted(port, kept[id(port)], self.effects) if id(port) in kept else port


class _Noted:
    def __init__(self, port: Any, name: str, effects: list[str]) -> None:
        self._port, self._name, self._effects = port, name, effects

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        return self._noting(found) if method in {"send", "add", "replace", "put"} else found

    def _noting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any, **named: Any) -> Any:
            self._effects.append(self._name)
            return method(*given, **named)

        return noted


# --- the order ---


def test_the_first_attempt_is_posted_recorded_and_queued(world: World) -> None:
    """POST, then the row, then the retry: a crash anywhere repeats and never loses."""
    diary = Diary()
    world.sender.answer(FAILED)
    world.process(diary.of(world)).deliveries.dispatch([outgoing()])
    assert diary.effects == ["POST", "row", "retry"]


def test_every_further_attempt_keeps_the_order(world: World) -> None:
    """A retry is posted, recorded and queued anew in the same order."""
    diary = Diary()
    world.sender.answer(FAILED, FAILED)
    process = world.process(diary.of(world))
    process.deliveries.dispatch([outgoing()])
    diary.effects.clear()
    process.deliveries.attempt(Retry(delivery=KEY, number=2), redelivered=False)
    assert diary.effects == ["POST", "row", "retry"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 9))
def test_a_crash_loses_nothing(world: World, at: int, *, after: bool) -> None:
    """Whenever the process dies, what is repeated by its message ends as delivered or with a retry in the queue."""
    world.sender.answer(*[FAILED] * 2)
    fate = Fate(at=at, after=after)
    try:
        doomed = world.process(fate.over)
        doomed.deliveries.dispatch([outgoing()])
    except Died:
        world.process().deliveries.dispatch([outgoing(suspicious=True)])
    make_all_retries(world, world.process())
    assert row(world).state is DeliveryState.DELIVERED
    assert {post.body for post in world.sender.posts} == {PAYLOAD}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 9))
def test_a_crash_while_retrying_loses_nothing(world: World, at: int, *, after: bool) -> None:
    """A retry whose process dies at any point comes again, and the delivery still ends."""
    world.sender.answer(*[FAILED] * 2)
    world.process().deliveries.dispatch([outgoing()])
    world.clock.advance(timedelta(minutes=1))
    (message,) = world.retries.take()
    try:
        world.process(Fate(at=at, after=after).over).deliveries.attempt(message.body, redelivered=False)
    except Died:
        world.retries.return_(message)
    else:
        world.retries.done(message)
    make_all_retries(world, world.process())
    assert row(world).state is DeliveryState.DELIVERED


def test_a_crash_between_row_and_retry_makes_no_second_post(world: World, process: Process) -> None:
    """A redelivered message whose attempt stands in the row queues the next one, without a POST."""
    world.sender.answer(FAILED, FAILED)
    process.deliveries.dispatch([outgoing()])
    process.deliveries.attempt(Retry(delivery=KEY, number=2), redelivered=False)
    queued = len(world.retries.bodies())
    process.deliveries.attempt(Retry(delivery=KEY, number=2), redelivered=True)
    assert len(world.sender.posts) == 2
    assert world.retries.bodies()[queued:] == [Retry(delivery=KEY, number=3)]


def test_a_stale_twin_is_dropped(world: World, process: Process) -> None:
    """A fresh message about an attempt that was made already does nothing at all."""
    world.sender.answer(FAILED, FAILED)
    process.deliveries.dispatch([outgoing()])
    process.deliveries.attempt(Retry(delivery=KEY, number=2), redelivered=False)
    queued = len(world.retries.bodies())
    process.deliveries.attempt(Retry(delivery=KEY, number=2), redelivered=False)
    assert (len(world.sender.posts), len(world.retries.bodies())) == (2, queued)
    assert [line["delivery"] for line in world.log.named("retry.pointless")] == [KEY.id]


def test_delivered_is_for_ever(world: World, process: Process) -> None:
    """Where two attempts run at once and one succeeds, the other's failure does not take that back."""
    world.sender.answer(FAILED, FAILED)
    process.deliveries.dispatch([outgoing()])

    def succeed_meanwhile() -> None:
        world.sender.meanwhile = lambda: None
        world.sender.outcomes.appendleft(Outcome(status=200, milliseconds=1))
        world.process().deliveries.attempt(Retry(delivery=KEY, number=2), redelivered=True)

    world.sender.meanwhile = succeed_meanwhile
    process.deliveries.attempt(Retry(delivery=KEY, number=2), redelivered=False)
    assert row(world).state is DeliveryState.DELIVERED
    make_all_retries(world, process)
    assert len(world.sender.posts) == 3


def test_delivered_counts_however_many_write_at_once(world: World) -> None:
    """A success that others come before again and again is recorded in the end."""
    world.sender.answer(FAILED)
    raced = Faulty(world.deliveries)
    process = world.process(lambda port: raced.port if port is world.deliveries else port)
    process.deliveries.dispatch([outgoing()])
    raced.fail("replace", Changed("Somebody was faster."), times=3)
    process.deliveries.attempt(Retry(delivery=KEY, number=2), redelivered=False)
    assert row(world).state is DeliveryState.DELIVERED


def test_a_delivered_event_that_comes_again_is_not_posted(world: World, process: Process) -> None:
    """A suspicious event is looked up, and what is delivered stays untouched."""
    process.deliveries.dispatch([outgoing()])
    world.process().deliveries.dispatch([outgoing(suspicious=True)])
    assert len(world.sender.posts) == 1


def test_an_outage_puts_a_retry_off(world: World) -> None:
    """While the vault does not answer, a retry goes back to the queue and costs no attempt."""
    world.sender.answer(FAILED)
    world.process().deliveries.dispatch([outgoing()])
    world.retries.done(world.retries.waiting()[0])

    class Silent:
        def get(self, reference: str) -> str:
            raise TryLater("The vault does not answer.")

    cut_off = world.process(lambda port: Silent() if port is world.vault else port)
    cut_off.deliveries.attempt(Retry(delivery=KEY, number=2), redelivered=False)
    assert world.retries.bodies() == [Retry(delivery=KEY, number=2, again=True)]
    assert len(row(world).attempts) == 1


# --- the schedule and the ends ---


def test_the_schedule_is_kept(world: World, process: Process) -> None:
    """The waits are the schedule's, and after the last one the delivery has failed."""
    world.sender.answer(*[FAILED] * 9)
    process.deliveries.dispatch([outgoing()])
    make_all_retries(world, process)
    failed = row(world)
    moments = [attempt.at for attempt in failed.attempts]
    assert [later - earlier for earlier, later in pairwise(moments)] == list(SCHEDULE)
    assert (failed.state, failed.reason) == (DeliveryState.FAILED, "All 4 attempts failed.")
    assert world.retries.bodies() == []


def test_a_busy_lane_costs_no_attempt(world: World, process: Process) -> None:
    """Where the lane was full no attempt was made: the same attempt is queued again, some seconds later."""
    world.sender.answer(BUSY, BUSY)
    process.deliveries.dispatch([outgoing()])
    assert (row(world).attempts, world.retries.bodies()) == ((), [Retry(delivery=KEY, number=1)])
    make_all_retries(world, process)
    assert [attempt.number for attempt in row(world).attempts] == [1]
    assert row(world).state is DeliveryState.DELIVERED


def test_gone_disables_the_webhook(world: World, process: Process) -> None:
    """A 410 parks the delivery and disables the webhook, loudly; the next event is parked without a POST."""
    world.sender.answer(GONE)
    process.deliveries.dispatch([outgoing()])
    assert row(world).state is DeliveryState.PARKED
    assert "webhook.disabled" in world.log.problems()
    other = an_event(id="5f0d36b0-5b0e-5f0d-9a4e-000000000002")
    process.deliveries.dispatch([outgoing(event=other)])
    page = process.deliveries.page(DeliveryQuery())
    assert [shown["state"] for shown in page["deliveries"]] == ["parked", "parked"]
    assert len(world.sender.posts) == 1
    assert world.retries.bodies() == []


def test_gone_does_not_disable_another_address(world: World, process: Process) -> None:
    """A URL that was set while the old one answered 410 stays in use, and the delivery goes there."""
    world.sender.answer(GONE)
    world.sender.meanwhile = lambda: world.hook("default", "https://new.example.com/hook")
    process.deliveries.dispatch([outgoing()])
    stored = world.webhooks.get("default")
    assert stored is not None
    assert stored.value.disabled is None
    make_all_retries(world, process)
    assert (row(world).state, world.sender.posts[-1].url) == (DeliveryState.DELIVERED, "https://new.example.com/hook")


def test_a_retry_of_a_disabled_webhook_is_parked(world: World, process: Process) -> None:
    """A retry that falls due while the webhook is disabled is parked without a POST."""
    world.sender.answer(FAILED)
    process.deliveries.dispatch([outgoing()])
    world.hook("default", HOOK, disabled="The endpoint answered 410 Gone.")
    make_all_retries(world, world.process())
    assert (row(world).state, len(world.sender.posts)) == (DeliveryState.PARKED, 1)
    (line,) = world.log.named("delivery.unasked")
    assert (line["delivery"], line["state"], line["reason"]) == (
        KEY.id,
        DeliveryState.PARKED,
        "The endpoint answered 410 Gone.",
    )


@pytest.mark.parametrize("removed", [True, False], ids=["removed", "without a URL"])
def test_a_removed_webhook_discards(world: World, process: Process, *, removed: bool) -> None:
    """Where nobody is left to deliver to, the delivery is discarded."""
    world.sender.answer(FAILED)
    process.deliveries.dispatch([outgoing()])
    if removed:
        world.webhooks.delete("default")
    else:
        world.hook("default", "")
    make_all_retries(world, world.process())
    assert (row(world).state, len(world.sender.posts)) == (DeliveryState.DISCARDED, 1)


def test_an_expired_payload_ends_the_delivery(world: World, process: Process) -> None:
    """A delivery whose bytes have expired has failed, and says why."""
    world.sender.answer(FAILED)
    process.deliveries.dispatch([outgoing()])
    world.clock.advance(timedelta(days=15))
    make_retries(world, process)
    assert (row(world).state, row(world).reason) == (DeliveryState.FAILED, "The payload has expired.")


# --- what the receiver sees ---


def test_every_attempt_is_the_same(world: World, process: Process) -> None:
    """All attempts carry the same bytes and the same webhook-id; the number of attempts made counts."""
    world.sender.answer(*[FAILED] * 3)
    process.deliveries.dispatch([outgoing()])
    make_all_retries(world, process)
    assert {post.body for post in world.sender.posts} == {PAYLOAD}
    assert {post.headers["webhook-id"] for post in world.sender.posts} == {EVENT}
    assert [post.headers["X-EE-Wh-Attempts-Made"] for post in world.sender.posts] == ["0", "1", "2", "3"]


def test_both_secrets_sign_while_one_replaces_the_other(world: World, process: Process) -> None:
    """For a day after a rotation the signature holds for the former secret and for the new one; then for the new."""
    process.settings.change(InstanceSettingsChange(service_secret="whsec_" + "bmV3c2VjcmV0" * 4))
    process.deliveries.dispatch([outgoing()])
    assert signs(world, SERVICE_SECRET) == [True, True]
    world.clock.advance(timedelta(hours=25))
    process.deliveries.dispatch([outgoing()])
    assert signs(world, SERVICE_SECRET) == [False, True]


def test_a_leaked_secret_signs_no_more(world: World, process: Process) -> None:
    """After a change without grace the next attempt carries the new secret's signature alone."""
    change = InstanceSettingsChange(service_secret="whsec_" + "bmV3c2VjcmV0" * 4, service_secret_grace=False)
    process.settings.change(change)
    process.deliveries.dispatch([outgoing()])
    assert signs(world, SERVICE_SECRET) == [False, True]


def signs(world: World, former: str) -> list[bool]:
    """Tell for the former and the new secret whether the last POST carries the signature that a receiver expects."""
    post = world.sender.posts[-1]
    secrets = ["whsec_" + b64encode(former.encode()).decode(), "whsec_" + "bmV3c2VjcmV0" * 4]
    expected = [Receiver(secret).sign(EVENT, world.clock.now(), post.body.decode()) for secret in secrets]
    return [signature in post.headers["webhook-signature"].split() for signature in expected]


def test_custom_headers_go_along(world: World) -> None:
    """A webhook's custom headers go with every POST, and cannot stand in for ours."""
    headers = world.vault.put("webhook-headers", '{"Authorization":"Bearer of the customer"}')
    world.hook("default", HOOK, headers=headers)
    world.process().deliveries.dispatch([outgoing()])
    assert world.sender.posts[0].headers["Authorization"] == "Bearer of the customer"


def test_credentials_of_a_url_are_nowhere(world: World) -> None:
    """A URL's user and password are sent and stand in no row, log or view."""
    world.hook("default", "https://relay:hunter2@receiver.example.com/hook")
    process = world.process()
    process.deliveries.dispatch([outgoing()])
    assert world.sender.posts[0].url == "https://relay:hunter2@receiver.example.com/hook"
    assert row(world).url == HOOK
    assert "hunter2" not in repr(world.log.lines) + repr(process.deliveries.show(row(world).key.id))


def test_a_delivery_is_shown_with_its_payload(world: World, process: Process) -> None:
    """The record tells state, attempts and payload; once the bytes have expired, all but the payload."""
    process.deliveries.dispatch([outgoing()])
    shown = process.deliveries.show(row(world).key.id)
    assert (shown["state"], shown["payload"]["event"], len(shown["attempts"])) == ("delivered", "messageNew", 1)
    world.clock.advance(timedelta(days=15))
    assert process.deliveries.show(row(world).key.id)["payload"] is None


@pytest.mark.parametrize("unknown", ["nonsense", f"1_default_{EVENT}", ""])
def test_an_unknown_delivery_is_not_found(process: Process, unknown: str) -> None:
    """What is no delivery's id, or nobody's, is not found."""
    with pytest.raises(DeliveryNotFound):
        process.deliveries.show(unknown)


def test_one_page_is_looked_at_for_an_event(world: World, process: Process) -> None:
    """An event is found by its time; where a page of a busy hour holds nothing of it, nobody reads on."""
    process.deliveries.dispatch([outgoing()])
    of = row(world).key
    near = (START - timedelta(hours=1), START + timedelta(hours=1))
    assert process.deliveries.has_told(of.webhook, of.event_id, *near)

    class Busy:
        pages = 0

        def page(self, *_: object) -> Page[Delivery]:
            self.pages += 1
            return Page([], {"PartitionKey": "further"})

    busy: Any = Busy()
    assert not replace(process.deliveries, store=busy).has_told(of.webhook, of.event_id, *near)
    assert busy.pages == 1
