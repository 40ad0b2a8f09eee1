"""`make soak`: a storm of random faults over a working relay, then a calm, then the count."""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from shared.adapters.storage.tables.cursors import CursorTable
from shared.domain.accounts import account_key
from soak import record
from soak.ledger import Ledger
from soak.life import Life
from soak.report import report
from soak.storm import Storm
from tests.faults.stack import Stack, running

MAILBOXES = 8
# The lease of a dead process is over after this time, in seconds.
LEASE = 5
SETTINGS = {
    "RETRY_SCHEDULE_SECONDS": ",".join(["1", "2", "3", "5", "8"] + ["10"] * 40),
    "WEBHOOK_TIMEOUT_SECONDS": "2",
    "SWEEP_MINUTES": "5",
}
# What is on its way needs no help; an overloaded endpoint is left alone for a minute and a little more.
_UNAIDED = 80.0
_AIDED = 180.0
# A sweep leaves young mail to the next one, two silent ones replace a subscription, and each is up to 6 minutes off.
_SWEPT = 20 * 60.0
_ASK_AGAIN = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 where an event was lost or a signature is wrong."""
    options = _options(arguments)
    seed = options.seed or str(random.SystemRandom().randrange(10**6))
    print(f"Seed {seed}: {options.minutes:g} minutes of storm over {MAILBOXES} mailboxes.", flush=True)
    ledger = Ledger()
    with tempfile.TemporaryDirectory() as folder:
        where = options.keep or Path(folder)
        with running(where, mailboxes=MAILBOXES, lease=LEASE, settings=SETTINGS) as stack:
            began = time.monotonic()
            stack.m365.seed(seed)
            _look(stack)
            life = Life(stack, ledger, random.Random(f"{seed}/life"))
            living = life.begin()
            Storm(stack, ledger, random.Random(f"{seed}/storm")).blow(options.minutes * 60)
            life.stop()
            living.join()
            _settle(stack, ledger, unaided=options.unaided)
            counted = report(ledger, stack.customer, record.read(stack))
            minutes = (time.monotonic() - began) / 60
    print(f"\n{counted}\n\nSeed {seed}, {minutes:.1f} minutes in all, {stack.app.starts - 1} kills.")
    return 1 if counted.failed else 0


def _look(stack: Stack) -> None:
    """Have every mailbox looked at once: from there on its changes are followed."""
    cursors = CursorTable(stack.storage)
    for account in stack.accounts:
        stack.sync(account)
    while not all(cursors.get(account_key(account)) for account in stack.accounts):
        time.sleep(0.2)


def _settle(stack: Stack, ledger: Ledger, *, unaided: bool) -> None:
    """Give the relay the time that it may need, and then ask for a look at what is missing, unless it is *unaided*."""
    calm = time.monotonic()
    _wait(stack, ledger, _SWEPT if unaided else _UNAIDED)
    print(f"{time.monotonic() - calm:.0f} s after the storm {_missing(stack, ledger)} events are missing.", flush=True)
    while not unaided and _missing(stack, ledger) and time.monotonic() < calm + _UNAIDED + _AIDED:
        _requeue(stack)
        for account in stack.accounts:
            if stack.api.get(f"/v1/account/{account}")["state"] != "connected":
                stack.reconnect(account)
            stack.sync(account)
        _wait(stack, ledger, _ASK_AGAIN)
    # What still comes now is a duplicate, and counted as one.
    time.sleep(3)


def _requeue(stack: Stack) -> None:
    """Try again what the host gave up: a message that was in the hands of six processes as they were killed."""
    stack.fire("poison")
    time.sleep(1)
    for row in stack.api.get("/v1/poison", pageSize=250)["poison"]:
        if row["requeued"] is None:
            stack.api.post(f"/v1/poison/{row['id']}/requeue", {})
            print(f"Requeued a message of {row['queue']} that was given up.", flush=True)


def _wait(stack: Stack, ledger: Ledger, seconds: float) -> None:
    until = time.monotonic() + seconds
    while _missing(stack, ledger) and time.monotonic() < until:
        time.sleep(1)


def _missing(stack: Stack, ledger: Ledger) -> int:
    return len(ledger.wanted() - stack.customer.accepted().keys())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.5, help="how long the storm blows (1.5)")
    parser.add_argument("--seed", help="repeats a storm; the number that an earlier run printed")
    parser.add_argument("--unaided", action="store_true", help="leave it to sweeps: nobody asks for a look at the end")
    parser.add_argument("--keep", type=Path, help="a new folder for the logs, which are thrown away otherwise")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
