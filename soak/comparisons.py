"""
`python -m soak.comparisons`: three faults that other relays lose events to, each alone, and what they cost here.

Each is measured from the last arrival to the last event, and the look is one that the public API was asked for where
nothing else would find the mail before the next sweep.
"""

import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.m365.faults import FAULTS
from soak.report import table
from tests.faults.stack import Stack, new, running

EVENTS = 300
RATE = 30.0
PATIENCE = 120.0


@dataclass(frozen=True)
class Comparison:
    """A fault, how it is brought about, and whether the relay must be asked to look."""

    name: str
    doses: Mapping[str, Any]
    silent: bool = False


COMPARISONS = (
    Comparison("none", {}),
    Comparison("30 % of reads answered 503", {"inner_503": 0.3, "outer_503": 0.3}),
    Comparison("404 on the first read", {"read_lag": {"share": 1, "reads": 1}}),
    Comparison("every subscription gone silently", {}, silent=True),
)


def main() -> int:
    """Return 1 where an event was lost."""
    rows: list[tuple[str, ...]] = [("fault", "events", "lost", "repeated", "last event after s")]
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as stack:
        for comparison in COMPARISONS:
            rows.append(_measured(stack, comparison))
            print(f"{comparison.name}: done", flush=True)
    print(f"\n{table(rows)}")
    return int(any(row[2] != "0" for row in rows[1:]))


def _measured(stack: Stack, comparison: Comparison) -> tuple[str, ...]:
    stack.m365.faults(**comparison.doses)
    if comparison.silent:
        for found in stack.m365.subscriptions():
            stack.m365.remove_subscription(found["id"], silently=True)
    wanted = new(stack.deliver(EVENTS, rate=RATE))
    ended = time.monotonic()
    if comparison.silent:
        for account in stack.accounts:
            stack.sync(account)
    while wanted - stack.customer.accepted().keys() and time.monotonic() < ended + PATIENCE:
        time.sleep(0.05)
    seconds = time.monotonic() - ended
    stack.m365.faults(**dict.fromkeys(FAULTS, 0))
    accepted = stack.customer.accepted()
    lost = len(wanted - accepted.keys())
    repeated = sum(accepted[event] - 1 for event in wanted if event in accepted)
    return comparison.name, str(len(wanted)), str(lost), str(repeated), f"{seconds:.1f}"


if __name__ == "__main__":
    sys.exit(main())
