"""The function app is killed right before and right after every step that leaves a trace, and nothing is lost."""

import base64
import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.exceptions import ResourceExistsError

from local.m365 import samples
from shared.domain.accounts import AccountState
from tests.faults.customer import Answer
from tests.faults.named_points import Orders, Point
from tests.faults.stack import Stack, new, running

# The lease of a dead process is over after this time, and its messages are taken by the next.
LEASE = 2
MESSAGES = 9
REFUSED = "Refused at first"
# Mail arrives, changes and goes, and a third of it has to be told twice.
MAIL = (
    "ingress.put",
    "reader.read",
    "sender.send",
    "deliveries.add",
    "retries.put",
    "deliveries.replace",
    "sightings.put",
    "changes.put",
    "delete.changes",
    "delete.retries",
)
# Graph ends a subscription: it is forgotten, claimed, made anew, noted and made good; each on a mailbox of its own,
# because the claim of a dead process holds for a minute.
SUBSCRIPTION = (
    Point("accounts.replace", after=False, number=1),
    Point("jobs.put", after=False, number=1),
    Point("accounts.replace", after=True, number=2),
    Point("subscriptions.create", after=False),
    Point("subscriptions.create", after=True),
    Point("due.put_all", after=True),
    Point("jobs.put_together", after=False),
    Point("accounts.replace", after=False, number=3),
)
SHARED = 3
# All of them take three minutes and a half; `make soak` does that, `make test` takes a third, before and after in turn.
EVERY_POINT = bool(os.environ.get("EVERY_POINT"))


def both(*calls: str) -> list[Point]:
    """Return the points before and after the first of each call."""
    points = [Point(call, after) for call in calls for after in (False, True)]
    return points if EVERY_POINT else points[::3]


# A mailbox is looked at for mail that nobody announced; each is another one.
LOOK = both("history.glance", "changes.put", "cursors.put", "delete.jobs")


@dataclass
class Story:
    """What has happened so far, and what must come of it."""

    stack: Stack
    orders: Orders
    wanted: set[tuple[str, str]] = field(default_factory=set)
    later: set[tuple[str, str]] = field(default_factory=set)
    told: list[tuple[str, str]] = field(default_factory=list)

    def dies_at(self, point: Point, cause: Callable[[], set[tuple[str, str]]]) -> set[tuple[str, str]]:
        """Have something happen that leads the process to the point, see it die there, and start another."""
        self.orders.give(point)
        wanted = cause()
        died = self.stack.app.died(120)
        self.orders.clear()
        assert died, f"Nothing led to the point: {point}."
        self.stack.app.stop()
        self.stack.app.start()
        return wanted

    def arrive(self, wanted: set[tuple[str, str]]) -> None:
        """Check that all of it comes."""
        self.wanted |= wanted
        # What a dead process had told but not noted is looked at for 40 seconds before it is told as an update.
        self.stack.customer.wait_for(wanted, 240)

    def mail(self) -> set[tuple[str, str]]:
        """Have mail come, and whatever can happen to mail happen to what came before."""
        wanted = set()
        for number, (mailbox, message) in enumerate(self.told):
            if number % 4 == 0:
                self.stack.m365.set_flag(mailbox, message)
            elif number % 4 == 1:
                self.stack.m365.move(mailbox, message, "archive")
            elif number % 4 == 2:
                self.stack.m365.delete(mailbox, message)
            if number % 4 < 3:
                wanted.add((("messageUpdated", "messageMoved", "messageDeleted")[number % 4], message))
        mimes = [samples.plain("Order"), samples.plain(REFUSED), samples.plain("Invoice")]
        came = self.stack.m365.deliver_many(self.stack.mailboxes[:SHARED], MESSAGES, mimes, rate=30)
        self.told = [(message.mailbox, message.id) for message in came]
        return wanted | new(came)

    def untold(self, mailbox: str) -> set[tuple[str, str]]:
        """Have mail come that Graph tells nobody of."""
        self.stack.m365.faults(lost=1)
        came = self.stack.m365.deliver_many([mailbox], 3, [samples.plain()])
        self.stack.m365.faults(lost=0)
        return new(came)


def answer(data: Mapping[str, Any], number: int) -> Answer:
    """Return what the endpoint says to an attempt."""
    return Answer(500) if number == 1 and str(data.get("subject")).startswith(REFUSED) else Answer()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Return the story of a stack whose process can be told where to die."""
    folder: Path = tmp_path_factory.mktemp("stack")
    orders = Orders(folder / "orders")
    settings = {"RETRY_SCHEDULE_SECONDS": ",".join(["1"] * 20), "ORDERS": str(orders.path)}
    # A process after the other dies with the same messages in hand, more often than a host takes them.
    settings["AzureFunctionsJobHost__extensions__queues__maxDequeueCount"] = "1000"
    host = "tests.faults.doomed_host"
    mailboxes = SHARED + len(SUBSCRIPTION) + len(LOOK)
    with running(folder, mailboxes=mailboxes, lease=LEASE, settings=settings, host=host) as stack:
        stack.customer.answer = answer
        stack.m365.faults(read_lag={"share": 0.5, "reads": 1})
        story = Story(stack, orders)
        story.arrive(story.mail())
        yield story


@pytest.mark.parametrize("point", SUBSCRIPTION, ids=str)
def test_a_subscription_is_replaced(story: Story, point: Point) -> None:
    """Wherever the process dies while it replaces a subscription, the next goes on; the mail is counted at the end."""
    number = SHARED + SUBSCRIPTION.index(point)
    subscription = story.stack.row(f"m{number}").subscription
    assert subscription is not None

    def removed() -> set[tuple[str, str]]:
        story.stack.m365.remove_subscription(subscription.id, silently=False)
        return new(story.stack.m365.deliver_many([story.stack.mailboxes[number]], 2, [samples.plain()]))

    story.later |= story.dies_at(point, removed)


@pytest.mark.parametrize("point", both(*MAIL), ids=str)
def test_mail_is_told(story: Story, point: Point) -> None:
    """Wherever the process dies while it tells of mail, every event arrives."""
    story.arrive(story.dies_at(point, story.mail))


@pytest.mark.parametrize("point", LOOK, ids=str)
def test_a_look_is_finished(story: Story, point: Point) -> None:
    """Wherever the process dies while it looks at a mailbox, all that nobody announced is found."""
    number = SHARED + len(SUBSCRIPTION) + LOOK.index(point)
    account = story.stack.accounts[number]

    def look() -> set[tuple[str, str]]:
        wanted = story.untold(story.stack.mailboxes[number])
        story.stack.sync(account)
        return wanted

    # What others left in the queues would lead it there before it has been asked.
    row = story.stack.row(account)
    story.arrive(story.dies_at(point._replace(about=(row.id, row.key, row.user)), look))


@pytest.mark.parametrize("point", both("subscriptions.renew"), ids=str)
def test_a_renewal_is_made(story: Story, point: Point) -> None:
    """Wherever the process dies while it renews a subscription, it ends up renewed, and noted as such."""
    account = f"m{int(point.after)}"
    subscription = story.stack.row(account).subscription
    assert subscription is not None

    def asked() -> set[tuple[str, str]]:
        story.stack.m365.lifecycle(subscription.id, "reauthorizationRequired")
        return set()

    story.dies_at(point, asked)

    def renewed() -> bool:
        now = story.stack.row(account).subscription
        return now is not None and now.id == subscription.id and now.renewed is not None

    eventually(renewed)


@pytest.mark.parametrize("point", both("poison.keep", "given_up.remove"), ids=str)
def test_what_was_given_up_stays_visible(story: Story, point: Point) -> None:
    """Wherever the process dies while it keeps poison, the message is in its row, or still in its queue."""
    # In this order nothing is counted twice that the timer moves meanwhile.
    before = kept(story) + story.stack.poisoned()

    def given_up() -> set[tuple[str, str]]:
        poison = story.stack.queues.get_queue_client("changes-poison")
        with contextlib.suppress(ResourceExistsError):
            poison.create_queue()
        poison.send_message(base64.b64encode(b"{}").decode())
        # The timer may fire by itself at this moment.
        with contextlib.suppress(requests.ConnectionError):
            story.stack.fire("poison")
        return set()

    story.dies_at(point, given_up)
    # In this order it is not missed while the next process moves it.
    assert story.stack.poisoned() + kept(story) > before


def test_nothing_is_lost(story: Story) -> None:
    """After all these deaths every event has come, none that nobody wanted, and duplicates only under the same id."""
    customer = story.stack.customer
    # The claim of a process that died while it connected lapses after a minute.
    customer.wait_for(story.later, 240)
    story.stack.settle(240, "changes", "retries")
    accepted = customer.accepted()
    wanted = story.wanted | story.later
    # A process that dies between the row and its queue message has the arrival read again, perhaps too late.
    gone = {("messageMissing", message) for event, message in wanted if event == "messageDeleted"}
    assert accepted.keys() - gone == wanted
    ids = {(arrival.id, arrival.event, arrival.message) for arrival in customer.arrivals}
    assert len(ids) == len(accepted)
    assert not customer.forged()


def test_every_mailbox_is_watched_once(story: Story) -> None:
    """After all these deaths every account is connected and has the one subscription that Graph knows."""
    stack = story.stack

    def watched() -> bool:
        rows = [stack.row(account) for account in stack.accounts]
        known = sorted(found["id"] for found in stack.m365.subscriptions())
        connected = all(row.state is AccountState.CONNECTED and row.claim is None for row in rows)
        return connected and known == sorted(row.subscription.id for row in rows if row.subscription)

    eventually(watched)


@pytest.mark.parametrize("point", both("due.remove", "due.beat"), ids=str)
def test_what_is_due_is_queued(story: Story, point: Point) -> None:
    """Wherever the process dies while it ticks, what is due becomes a job."""
    stack = story.stack
    jobs = stack.queues.get_queue_client("jobs")
    jobs.clear_messages()

    due = datetime.now(UTC) - timedelta(seconds=1)

    def over() -> bool:
        # Beside the timer's own tick, which comes every five minutes, this one steps back.
        with contextlib.suppress(requests.ConnectionError):
            stack.end_claim()
            stack.tick()
        return stack.app.died(10)

    def ticked() -> set[tuple[str, str]]:
        stack.make_due("m0", due)
        eventually(over)
        return set()

    story.dies_at(point, ticked)
    stack.end_claim()
    began = datetime.now(UTC)

    def ended() -> bool:
        stack.tick()
        return soon(lambda: stack.ticked_since(began), 10)

    # A tick that is not at its end would make a call that the next point counts.
    eventually(ended)
    assert stack.is_queued("m0", due)
    # It waits up to 3 minutes so that accounts spread; nothing waits for it here.
    jobs.clear_messages()


def kept(story: Story) -> int:
    """Return how many messages that were given up have a row."""
    return len(story.stack.api.get("/v1/poison")["poison"])


def eventually(true: Callable[[], bool]) -> None:
    """Check that something becomes true."""
    assert soon(true, 240)


def soon(true: Callable[[], bool], seconds: float) -> bool:
    """Tell whether something becomes true within this time."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True
