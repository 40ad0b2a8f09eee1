"""
The whole product under load, on the local stack: `make bench`.

Two stacks, one after the other. The first is measured for time, CPU and memory. The second has Azurite write its access
log, which costs CPU, and is measured for storage operations only. See README.md beside this file for what each figure
means.
"""

import argparse
import math
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from local.m365 import samples
from local.m365.control import Delivered, Mailbox
from local.receiver import Received
from local.stack import signals
from local.stack.api import Api
from local.stack.errors import StackRefused
from local.stack.journey import oauth2, settings
from local.stack.parts import Plan, Stack, running

MAILBOXES = 200
BURST = 600
CLIENTS = 8
UNDER_WAY = 400
HANDFUL = 50
MAIL = (samples.plain(), samples.newsletter(), samples.non_ascii(), samples.with_file())
# `… "POST /devstoreaccount1/changes/messages HTTP/1.1" 201 -`; the queues' paths have a second part, the tables' not.
REQUEST = re.compile(rb'"(?P<verb>[A-Z]+) /devstoreaccount1/(?P<path>[^ ?]*)[^"]*" \d{3}')
QUEUE = re.compile(rb"/messages(/|$)")


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was measured, in which unit, and what is aimed at."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    more_is_better: bool = False

    def __str__(self) -> str:
        """The line, with a verdict where there is an aim."""
        measured = f"{self.name:<58}{_number(self.value):>9} {self.unit:<8}"
        if self.aim is None:
            return measured.rstrip()
        met = self.value >= self.aim if self.more_is_better else self.value <= self.aim
        sign = ">=" if self.more_is_better else "<="
        return f"{measured}{sign} {_number(self.aim):<7} {'met' if met else 'MISSED'}"


@dataclass
class Tally:
    """Counts webhooks by event, and keeps when each new message was told first."""

    events: Counter[str] = field(default_factory=Counter)
    arrivals: dict[str, float] = field(default_factory=dict)
    unverified: int = 0

    def tell(self, received: Received) -> None:
        """Notes one webhook."""
        self.events[received.event] += 1
        self.unverified += not received.verified
        if received.event == "messageNew":
            self.arrivals.setdefault(str(received.data["messageId"]), received.at)

    def latencies(self, delivered: Sequence[Delivered]) -> list[float]:
        """Returns the milliseconds from each delivery to its webhook, in order."""
        return sorted((self.arrivals[each.internet_message_id] - each.at) * 1000 for each in delivered)


@dataclass(frozen=True)
class Bench:
    """A stack with its mailboxes, and what came of them."""

    stack: Stack
    tally: Tally
    mailboxes: Sequence[str]

    def deliver(self, number: int, rate: float | None = None) -> list[Delivered]:
        """Delivers messages over the mailboxes, all at once or at a rate, and waits until each has been told."""
        expected = len(self.tally.arrivals) + number
        delivered = self.stack.m365.deliver_many(self.mailboxes, number, MAIL, rate=rate)
        self.await_told(expected)
        return delivered

    def keep_busy(self, number: int) -> list[Delivered]:
        """Delivers messages as fast as they are told, so that there are always some hundred under way."""
        already = len(self.tally.arrivals)
        delivered: list[Delivered] = []
        for first in range(0, number, HANDFUL):
            self.await_told(already + first - UNDER_WAY + HANDFUL)
            start = first % len(self.mailboxes)
            turn = [*self.mailboxes[start:], *self.mailboxes[:start]]
            delivered += self.stack.m365.deliver_many(turn, min(HANDFUL, number - first), MAIL)
        self.await_told(already + number)
        return delivered

    def await_told(self, number: int) -> None:
        """Waits until so many messages have been told in all."""
        self.wait(lambda: len(self.tally.arrivals) >= number, f"{number} new messages")

    def wait(self, done: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Waits for something; raises StackRefused where it does not come, or a process ends."""
        deadline = time.monotonic() + seconds
        while not done():
            self.stack.check()
            if time.monotonic() > deadline:
                raise StackRefused(f"{what} have not all been told within {seconds:.0f} s: {dict(self.tally.events)}")
            time.sleep(0.02)

    def connect(self) -> tuple[float, float]:
        """
        Registers the application and an account for each mailbox.

        Returns the seconds that the POSTs took, and the seconds from the last one until all are connected.
        """
        m365, api, keys = self.stack.m365, self.stack.api, self.stack.keys
        tenant = m365.add_tenant(domain="contoso.example")
        application = m365.add_application(tenant.id, secret=keys.client_secret)
        owners: list[Mailbox] = [m365.add_mailbox(tenant.id, address) for address in self.mailboxes]
        api.post("/v1/settings", settings(self.stack))
        app = api.post("/v1/oauth2", oauth2(tenant, application, keys.client_secret))["id"]

        def register(some: Sequence[Mailbox]) -> None:
            own = Api(api.url, api.token)
            for owner in some:
                auth = {"provider": app, "auth": {"user": owner.address}}
                own.post("/v1/account", {"account": owner.address, "email": owner.address, "oauth2": auth})

        started = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(register, [owners[first::CLIENTS] for first in range(CLIENTS)]))
        posted = time.monotonic()
        self.wait(lambda: self.tally.events["accountInitialized"] >= len(owners), "connected accounts")
        return posted - started, time.monotonic() - posted

    def graph_calls(self) -> int:
        """Returns how many requests Graph has had since its counters were reset; a `$batch` is one."""
        calls = self.stack.m365.stats()["calls"]
        return int(calls.get("batch", 0) + calls.get("graph", 0))


@contextmanager
def bench(mailboxes: int, *, azurite_options: Sequence[str] = ("--silent",)) -> Iterator[Bench]:
    """Starts a stack on free ports, in a temporary folder."""
    tally = Tally()
    addresses = [f"user{number}@contoso.example" for number in range(mailboxes)]
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(Path(folder), Path(folder) / "scratch", azurite_options=azurite_options)
        with running(plan, tally.tell) as stack:
            yield Bench(stack, tally, addresses)


def connecting(on: Bench) -> Iterator[Figure]:
    """Connects the mailboxes."""
    posting, connecting = on.connect()
    yield Figure(f"connect: {len(on.mailboxes)} POSTs of accounts, {CLIENTS} at a time", posting, "s")
    yield Figure("connect: from the last POST until all are connected", connecting, "s", 5)
    yield Figure("connect: token calls for one application", on.stack.m365.stats()["calls"]["token"], "", 1)


def load(on: Bench, number: int, rate: float | None) -> Iterator[Figure]:
    """Delivers as fast as the product keeps up, or at a rate a second."""
    process = psutil.Process(on.stack.app.pid)
    on.stack.m365.reset_stats()
    cpu = _cpu_seconds(process)
    delivered = on.deliver(number, rate) if rate else on.keep_busy(number)
    cpu = _cpu_seconds(process) - cpu
    took = max(on.tally.arrivals[each.internet_message_id] for each in delivered) - min(each.at for each in delivered)
    times = on.tally.latencies(delivered)
    yield Figure(f"load: {number} events, end to end", number / took, "/s", 300, more_is_better=True)
    yield Figure("load: delivery to webhook, p50", _quantile(times, 0.50), "ms")
    yield Figure("load: delivery to webhook, p99", _quantile(times, 0.99), "ms")
    yield Figure("load: Graph calls an event", on.graph_calls() / number, "", 0.1)
    yield Figure("load: CPU of the function app an event", cpu / number * 1000, "ms", 4)
    yield Figure("load: memory of the function app afterwards", process.memory_info().rss / 2**20, "MB", 150)


def steady(on: Bench) -> Iterator[Figure]:
    """Delivers at an easy rate, which shows the time that an event takes when nothing is in its way."""
    times = on.tally.latencies(on.deliver(300, 30))
    yield Figure("steady: 30 events/s, delivery to webhook, p50", _quantile(times, 0.50), "ms")
    yield Figure("steady: 30 events/s, delivery to webhook, p99", _quantile(times, 0.99), "ms")


def burst(on: Bench) -> Iterator[Figure]:
    """Lets Graph send one notification a POST, all of them at once."""
    m365 = on.stack.m365
    m365.reset_stats()
    m365.behaviour(notifications_per_post=1, posts_in_flight=BURST)
    times = on.tally.latencies(on.deliver(BURST))
    on.wait(lambda: m365.stats()["ack_ms"]["count"] >= BURST, "acknowledgements")
    seen = m365.stats()
    yield Figure(f"burst: {BURST} POSTs, acknowledged, p50", seen["ack_ms"]["p50"], "ms")
    yield Figure(f"burst: {BURST} POSTs, acknowledged, p99", seen["ack_ms"]["p99"], "ms", 500)
    yield Figure("burst: POSTs acknowledged later than 3 s", seen["calls"].get("posts_later_than_3s", 0), "", 0)
    yield Figure("burst: delivery to webhook, p50", _quantile(times, 0.50), "ms")
    yield Figure("burst: delivery to webhook, p99", _quantile(times, 0.99), "ms")


def storage(on: Bench, number: int) -> Iterator[Figure]:
    """Counts Azurite's access log from the first delivery to the last webhook, the host's idle polls included."""
    on.connect()
    # An account's row is read once a minute, whatever its traffic: a message each, and that is behind us.
    on.deliver(len(on.mailboxes))
    log = on.stack.home / "azurite.log"
    already = log.stat().st_size
    on.keep_busy(number)
    # The last rows and the deletion of the last queue messages follow the webhooks by a moment.
    time.sleep(0.5)
    with log.open("rb") as lines:
        lines.seek(already)
        paths = [match["path"] for line in lines if (match := REQUEST.search(line))]
    queue = sum(1 for path in paths if QUEUE.search(path))
    yield Figure("storage: operations an event", len(paths) / number, "", 0.2)
    yield Figure("storage: of these, on queues", queue / number, "")
    yield Figure("storage: of these, on tables", (len(paths) - queue) / number, "")


def measure(number: int, rate: float | None) -> int:
    """Prints the table; returns 1 where a webhook's signatures were not right."""
    print(f"{'':<58}{'measured':>9} {'':<8}{'aim'}", flush=True)
    with bench(MAILBOXES) as on:
        for phase in (connecting(on), load(on, number, rate), steady(on), burst(on)):
            for figure in phase:
                print(figure, flush=True)
        unverified = on.tally.unverified
    with bench(MAILBOXES, azurite_options=()) as on:
        for figure in storage(on, number // 3):
            print(figure, flush=True)
        unverified += on.tally.unverified
    print(f"{'signatures that were not right':<58}{unverified:>9}")
    return 1 if unverified else 0


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="The whole product under load, on the local stack.")
    parser.add_argument("--events", type=int, default=4000, help="how many messages make the load (4000)")
    parser.add_argument("--rate", type=float, help="deliver them at this rate a second, not as fast as they are told")
    options = parser.parse_args()
    signals.listen()
    try:
        return measure(options.events, options.rate)
    except StackRefused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except signals.Stopped:
        return 130


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, math.floor(len(ordered) * share))]


def _number(value: float) -> str:
    return f"{value:.3f}" if 0 < value < 1 else f"{value:.1f}" if value < 100 and value % 1 else f"{value:.0f}"


if __name__ == "__main__":
    sys.exit(main())
