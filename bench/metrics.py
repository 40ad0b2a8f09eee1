"""
What counting costs: a log event in the process that counts it, a scrape, and the census.

See README.md beside this file.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from _figures import Figure
from _memory import Silence, Spent

from local import azurite
from local.stack import signals
from shared.adapters.storage.queue_gauge import StorageQueueGauge
from shared.adapters.storage.tables.accounts import AccountTable
from shared.adapters.storage.tables.due import DueTable
from shared.adapters.storage.tables.metrics import MetricsTable
from shared.adapters.storage.tables.oauth2_apps import OAuth2AppTable
from shared.adapters.storage.tables.poison import PoisonTable
from shared.adapters.system import SystemClock, SystemRandomness
from shared.adapters.tally import TallyLog
from shared.domain.due import Heartbeat
from shared.domain.tallies import Role
from shared.ports.machine import Machine
from shared.ports.queues import JobQueue
from shared.services.lookups import Lookup
from shared.services.metrics import Metrics
from shared.services.timers import Timers
from tests.factories import an_account
from tests.fakes.clock import FakeClock
from tests.fakes.metrics import FakeMetricsStore
from tests.fakes.queues import FakeJobQueue
from tests.fakes.storage_wire import WiredConnection

EVENTS = 50_000
PROCESSES = 50


def events(number: int) -> Iterator[Figure]:
    """A log event that adds to most series, and one that nobody counts."""
    clock = SystemClock()
    tally = TallyLog(FakeMetricsStore(), clock, SystemRandomness(clock), Role.APP)
    again = clock.now() + timedelta(seconds=5)
    with Spent() as spent:
        for _ in range(number):
            tally.event(
                "delivery.attempted",
                kind="messageNew",
                state="retrying",
                status=500,
                milliseconds=120,
                age=1500,
                next_attempt=again,
            )
    yield Figure("delivery.attempted: CPU", spent.cpu / number * 1_000_000, "µs", 20)
    with Spent() as spent:
        for _ in range(number):
            tally.event("token.made", token="t")  # noqa: S106  no token
    yield Figure("what is not counted: CPU", spent.cpu / number * 1_000_000, "µs", 20)


def scrapes(accounts: int) -> Iterator[Figure]:
    """A census and a scrape on Azurite, through the real adapters."""
    with azurite.running() as emulator:
        connection = WiredConnection(connection_string=emulator.connection_string)
        clock, randomness = FakeClock(), SystemRandomness(SystemClock())
        table, ledger = AccountTable(connection), MetricsTable(connection)
        metrics = _metrics(connection, clock, FakeJobQueue(clock))
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda each: table.insert(an_account(f"account-{each}")), range(accounts)))
        connection.wire.calls.clear()
        with Spent() as spent:
            counted = sum(1 for _ in table.count())
        requests = len(connection.wire.calls)
        yield Figure(f"Azurite: census of {counted:,} accounts: requests", requests, "")
        yield Figure("Azurite: census: accounts a request", counted / requests, "")
        yield Figure("Azurite: census: CPU an account", spent.cpu / counted * 1_000_000, "µs")
        for _ in range(PROCESSES):
            tally = TallyLog(ledger, clock, randomness, Role.APP)
            tally.event("delivery.attempted", kind="messageNew", state="delivered", milliseconds=120, age=1500)
            tally.flush()
        metrics.measure()
        connection.wire.calls.clear()
        clock.advance(timedelta(minutes=1))
        with Spent() as spent:
            text = metrics.text()
        yield Figure(f"Azurite: scrape of {PROCESSES} processes: requests", len(connection.wire.calls), "", 15)
        yield Figure("Azurite: scrape: CPU", spent.cpu * 1000, "ms")
        yield Figure("Azurite: scrape: size", len(text) / 1000, "KB")


def _metrics(connection: WiredConnection, clock: FakeClock, jobs: JobQueue) -> Metrics:
    due = DueTable(connection)
    machine = Machine(clock, SystemRandomness(SystemClock()), Silence())
    timers = Timers(
        due=due,
        jobs=jobs,
        heartbeat=Lookup(lambda _: Heartbeat(until=clock.now()), clock, timedelta(seconds=60)),
        machine=machine,
        spread=timedelta(minutes=3),
    )
    return Metrics(
        ledger=MetricsTable(connection),
        queues=StorageQueueGauge(connection),
        poison=PoisonTable(connection),
        accounts=AccountTable(connection),
        apps=OAuth2AppTable(connection),
        timers=timers,
        machine=machine,
    )


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="What counting costs.")
    parser.add_argument("--accounts", type=int, default=3000, help="how many there are on Azurite (3,000)")
    options, _ = parser.parse_known_args()
    signals.listen()
    print(f"{'':<58}{'measured':>9} {'':<8}{'aim'}", flush=True)
    try:
        for phase in (events(EVENTS), scrapes(options.accounts)):
            for figure in phase:
                print(figure, flush=True)
    except signals.Stopped:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
