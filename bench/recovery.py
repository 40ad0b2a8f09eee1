"""
Recovery: how long until everything is told after ours, or the customer's endpoint, was away.

On the whole stack, whose parts can be killed and started again. See README.md beside this file for what is compressed
and what is not.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from _figures import Figure

from local.m365.control import Delivered
from local.stack import signals
from local.stack.errors import StackRefused
from tests.faults.stack import Stack, new, running

RATE = 20
MINUTES = 10
MAILBOXES = 50


def outage_of_ours(stack: Stack, compression: float) -> Iterator[Figure]:
    """The function app is killed, 10 minutes' messages come, and it is started again."""
    stack.m365.behaviour(retry_scale=1 / compression)
    stack.m365.reset_stats()
    stack.app.kill()
    delivered = stack.deliver(RATE * MINUTES * 60, rate=RATE * compression)
    returning = time.time()
    stack.app.start()
    yield Figure("ours: from its start until the function app answers", time.time() - returning, "s")
    await_all(stack, delivered, 300)
    yield from told(stack, delivered, returning, "ours")
    calls = stack.m365.stats()["calls"]
    yield Figure("ours: notifications that Graph gave up", calls.get("notifications_given_up", 0), "", 0)
    yield Figure("ours: POSTs acknowledged later than 3 s", calls.get("posts_later_than_3s", 0), "")
    stack.m365.behaviour(retry_scale=1)


def outage_of_the_receiver(stack: Stack, minutes: float) -> Iterator[Figure]:
    """The customer's endpoint refuses connections, in real time, and is back."""
    # An event's moment is its message's, which Graph tells in whole seconds.
    since = datetime.now(UTC).replace(microsecond=0)
    stack.customer.close()
    delivered = stack.deliver(round(RATE * minutes * 60), rate=RATE)
    stack.customer.open()
    returned = time.time()
    await_all(stack, delivered, minutes * 60 + 300)
    yield from told(stack, delivered, returned, "receiver")
    stack.settle(60)
    attempts = list(attempts_of(stack, since))
    spent = sum(len(each) - 1 for each in attempts)
    yield Figure("receiver: attempts spent on the dead endpoint", spent, "")
    yield Figure("receiver: the same, an event", spent / len(delivered), "", 0.1)


def await_all(stack: Stack, delivered: Sequence[Delivered], seconds: float) -> None:
    """Returns when every message has been told, or after so long."""
    until = time.monotonic() + seconds
    while new(delivered) - stack.customer.accepted().keys() and time.monotonic() < until:
        # Whoever looks often costs the machine what is being measured.
        time.sleep(1)


def told(stack: Stack, delivered: Sequence[Delivered], returned: float, whose: str) -> Iterator[Figure]:
    """What was told of the messages, and when."""
    wanted = new(delivered)
    counts = stack.customer.accepted()
    first: dict[str, float] = {}
    for arrival in stack.customer.arrivals:
        if arrival.answer.accepts and (arrival.event, arrival.message) in wanted:
            first.setdefault(arrival.message, arrival.at)
    times = sorted(first.values())
    lost = len(wanted - counts.keys())
    took = times[-1] - returned
    yield Figure(f"{whose}: {len(delivered):,} messages: lost", lost, "", 0)
    yield Figure(f"{whose}: told twice", sum(counts[each] > 1 for each in wanted), "")
    yield Figure(f"{whose}: from the return to the first webhook", times[0] - returned, "s")
    yield Figure(f"{whose}: from the return until half is told", times[len(times) // 2] - returned, "s")
    yield Figure(f"{whose}: from the return until all is told", took, "s")
    yield Figure(f"{whose}: events a second until all is told", len(times) / took, "/s")
    yield Figure(f"{whose}: events in the busiest second", max(Counter(map(int, times)).values()), "/s")
    if lost:
        raise StackRefused(f"{lost} messages were not told.")


def attempts_of(stack: Stack, since: datetime) -> Iterator[list[dict[str, Any]]]:
    """Returns the attempts of each delivery since a moment."""
    cursor: str | None = None
    while True:
        query = {"since": since.isoformat(), "pageSize": "250", **({"cursor": cursor} if cursor else {})}
        page = stack.api.get("/v1/deliveries", **query)
        yield from (delivery["attempts"] for delivery in page["deliveries"])
        cursor = page["nextPageCursor"]
        if cursor is None:
            return


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="How long until everything is told after an outage.")
    parser.add_argument("--compression", type=float, default=20, help="how many times faster our 10 minutes pass (20)")
    parser.add_argument("--receiver-minutes", type=float, default=0.5, help="how long the receiver is away (0.5)")
    options, _ = parser.parse_known_args()
    signals.listen()
    print(f"{'':<58}{'measured':>9} {'':<8}{'aim'}", flush=True)
    try:
        with tempfile.TemporaryDirectory() as folder, running(Path(folder), mailboxes=MAILBOXES) as stack:
            # One acknowledgement in ten that takes 3 seconds, and Graph holds everything back for 10 minutes. On a
            # machine that does all at once that is a matter of luck; how fast we acknowledge, relay.py measures.
            stack.m365.behaviour(endpoint_rules=False)
            receiver = outage_of_the_receiver(stack, options.receiver_minutes)
            for figure in chain(outage_of_ours(stack, options.compression), receiver):
                print(figure, flush=True)
    except StackRefused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except signals.Stopped:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
