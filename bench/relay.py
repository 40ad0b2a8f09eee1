"""
The whole product under load, on the local stack: `make bench`.

Two stacks, one after the other. The first is measured for time, CPU and memory. The second has Azurite write its access
log, which costs CPU, and is measured for storage operations only. See README.md beside this file for what each figure
means.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence

import psutil
from _figures import Figure
from _stack import CLIENTS, Bench, bench, cpu_seconds, is_queue

from local.stack import signals
from local.stack.errors import StackRefused

MAILBOXES = 200
BURST = 600
_SETTLED = 0.5


def connecting(on: Bench) -> Iterator[Figure]:
    """Connects the mailboxes."""
    process = psutil.Process(on.stack.app.pid)
    cpu = cpu_seconds(process)
    posting, connecting = on.connect()
    on.await_looks()
    cpu = cpu_seconds(process) - cpu
    yield Figure(f"connect: {len(on.mailboxes)} POSTs of accounts, {CLIENTS} at a time", posting, "s")
    yield Figure("connect: from the last POST until all are connected", connecting, "s", 5)
    yield Figure("connect: CPU of the function app an account", cpu / len(on.mailboxes) * 1000, "ms")
    yield Figure("connect: token calls for one application", on.stack.m365.stats()["calls"]["token"], "", 1)


def load(on: Bench, number: int, rate: float | None) -> Iterator[Figure]:
    """Delivers as fast as the product keeps up, or at a rate a second."""
    process = psutil.Process(on.stack.app.pid)
    on.stack.m365.reset_stats()
    cpu = cpu_seconds(process)
    delivered = on.deliver(number, rate) if rate else on.keep_busy(number)
    cpu = cpu_seconds(process) - cpu
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
    on.mark()
    on.connect()
    on.await_looks()
    # The last rows and the deletion of the last queue messages follow by a moment.
    time.sleep(_SETTLED)
    yield Figure("storage: operations an account that connects", len(on.requests()) / len(on.mailboxes), "")
    # An account's row is read once a minute, whatever its traffic: a message each, and that is behind us.
    on.deliver(len(on.mailboxes))
    on.mark()
    on.keep_busy(number)
    time.sleep(_SETTLED)
    paths = on.requests()
    queue = sum(1 for path in paths if is_queue(path))
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


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, math.floor(len(ordered) * share))]


if __name__ == "__main__":
    sys.exit(main())
