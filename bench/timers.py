"""
What it costs to keep 100,000 mailboxes: a tick, a round of sweeps, a round of renewals.

On stores in memory, where each call of a port is counted as the requests that its adapter makes; Azurite, one process
that makes some hundred requests a second, would be all that is measured. How far that count is right, the last part
shows, with fewer entries on Azurite and with a round of sweeps on the whole stack. See README.md beside this file.
"""

import argparse
import gc
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain

import psutil
from _figures import Figure
from _memory import Memory, Silence, Spent
from _stack import Bench, bench, cpu_seconds, is_queue

from local import azurite
from local.stack import signals
from local.stack.errors import StackRefused
from shared.adapters.storage.queues import StorageJobQueue
from shared.adapters.storage.tables.accounts import AccountTable
from shared.adapters.storage.tables.due import DueTable
from shared.adapters.system import SystemClock, SystemRandomness
from shared.domain.accounts import Subscription, account_key
from shared.domain.due import Due, DueKind
from shared.domain.jobs import Job, JobKind
from shared.ports.machine import Machine
from shared.services.lookups import Lookup
from shared.services.timers import NEVER, TOGETHER, Timers
from tests.factories import an_app
from tests.fakes.storage_wire import WiredConnection

ACCOUNTS = 100_000
HOUR = timedelta(hours=1)
TICK = timedelta(minutes=5)
INTERVAL = timedelta(minutes=20)
DAY_OF_SWEEPS = timedelta(days=1) / INTERVAL


def ticks(number: int) -> Iterator[Figure]:
    """A tick with nothing due, and one with all that a tick finds when every account is swept each 20 minutes."""
    memory = Memory(number)
    now = memory.world.clock.now()
    memory.process.timers.tick()
    memory.world.due.put_all([entry(each, now + HOUR * (1 + each % 100)) for each in range(number)])
    memory.world.clock.advance(TICK)
    memory.requests.clear()
    with Spent() as spent:
        memory.process.timers.tick()
    yield Figure(f"tick, nothing due of {number:,}: storage requests", memory.storage(), "", 4)
    yield Figure("tick, nothing due: CPU of the use case", spent.cpu * 1000, "ms")
    due = round(number * (TICK / INTERVAL))
    now = memory.world.clock.now()
    memory.world.due.put_all([entry(each, now + TICK * (each / due)) for each in range(due)])
    memory.world.clock.advance(TICK)
    memory.requests.clear()
    with Spent() as spent:
        due = memory.process.timers.tick()
    yield Figure(f"tick, {due:,} due: storage requests", memory.storage(), "")
    yield Figure("tick, full: storage requests an entry", memory.storage() / due, "", 0.1)
    yield Figure("tick, full: CPU of the use case an entry", spent.cpu / due * 1000, "ms")


def sweeps(number: int) -> Iterator[Figure]:
    """Sweeps every account once; nothing has happened in any mailbox."""
    memory = Memory(number)
    world, start = memory.world, memory.world.clock.now()
    moments = [start + INTERVAL * (each / number) for each in range(number)]
    for each, at in enumerate(moments):
        world.connected(f"account-{each}", swept=start - INTERVAL, next_sweep=at)
    world.due.put_all([entry(each, at) for each, at in enumerate(moments)])
    _follow_the_inbox(memory)
    world.clock.advance(INTERVAL)
    memory.requests.clear()
    memory.process.timers.tick()
    with Spent() as spent:
        memory.work(TICK)
    yield Figure(f"sweep of {number:,} idle accounts: Graph calls an account", memory.graph() / number, "", 1)
    yield Figure("sweep: storage requests an account", memory.storage() / number, "", 4.5)
    for name, count in memory.requests.most_common():
        if count / number >= 0.01 and name != "history.glance":
            yield Figure(f"sweep: of these, {name}", count / number, "")
    yield Figure("sweep: CPU of the use case an account", spent.cpu / number * 1000, "ms")
    yield Figure("sweep: storage requests an idle account and day", memory.storage() / number * DAY_OF_SWEEPS, "")


def _follow_the_inbox(memory: Memory) -> None:
    # An account's first look writes where its folders begin; no later one does while nothing happens.
    glance = memory.world.history.glance(an_app(), "", memory.world.clock.now(), {"inbox-id": None})
    link = glance.folders["inbox-id"].link
    for each in range(memory.accounts):
        account = memory.world.account(f"account-{each}")
        mailbox = f"{account.incarnation}/{account.app}/{account.user}"
        memory.world.cursors.put(account.key, {"/mailbox": mailbox, "inbox-id": link})


def renewals(number: int) -> Iterator[Figure]:
    """Lives for 7 days after an import that connected every account in the same hour."""
    memory = Memory(number)
    world, start = memory.world, memory.world.clock.now()
    for each in range(number):
        subscription = Subscription(id=f"subscription-{each}", expires=start + timedelta(days=7), created=start)
        account = world.connected(f"account-{each}", subscription=subscription)
        world.live(account)
        memory.process.relay.jobs.renewals.schedule(account, subscription)
    memory.requests.clear()
    hourly: list[int] = []
    with Spent() as spent:
        for _ in range(7 * 24):
            before = memory.requests["subscriptions.renew"]
            for _ in range(HOUR // TICK):
                memory.process.timers.tick()
                memory.work(TICK)
            hourly.append(memory.requests["subscriptions.renew"] - before)
    renewed = sum(hourly)
    busy = [each for each in hourly if each]
    yield Figure(f"renewal of {number:,} accounts of one hour: within so many hours", len(busy), "h")
    yield Figure("renewal: busiest hour over the mean of these hours", max(hourly) / (renewed / len(busy)), "", 1.5)
    yield Figure("renewal: Graph writes a second in the busiest hour", max(hourly) / 3600, "/s")
    yield Figure("renewal: Graph writes a renewal", memory.graph() / renewed, "", 1)
    yield Figure("renewal: storage requests a renewal", memory.storage() / renewed, "", 4.5)
    yield Figure("renewal: CPU of the use case a renewal", spent.cpu / renewed * 1000, "ms")


def azurite_ticks(number: int) -> Iterator[Figure]:
    """The same two ticks on Azurite, through the real adapters."""
    with azurite.running() as emulator:
        connection = WiredConnection(connection_string=emulator.connection_string)
        store, clock = DueTable(connection), SystemClock()
        timers = Timers(
            due=store,
            jobs=StorageJobQueue(connection),
            heartbeat=Lookup(lambda _: NEVER, clock, HOUR),
            machine=Machine(clock, SystemRandomness(clock), Silence()),
            spread=timedelta(minutes=3),
        )
        timers.tick()
        store.put_all([entry(each, clock.now() + HOUR * (1 + each % 4)) for each in range(number)])
        connection.wire.calls.clear()
        with Spent() as spent:
            timers.tick()
        yield Figure(f"Azurite: tick, nothing due of {number:,}: requests", len(connection.wire.calls), "", 4)
        yield Figure("Azurite: tick, nothing due", spent.wall * 1000, "ms")
        store.put_all([entry(each, clock.now()) for each in range(number)])
        connection.wire.calls.clear()
        with Spent() as spent:
            queued = timers.tick()
        yield Figure(f"Azurite: tick, {queued:,} due: requests an entry", len(connection.wire.calls) / queued, "", 0.1)
        yield Figure("Azurite: tick, full: CPU an entry", spent.cpu / queued * 1000, "ms")
        wanted = ACCOUNTS * (TICK / INTERVAL) / TICK.total_seconds()
        yield Figure("Azurite: tick, full: entries a second", queued / spent.wall, "/s", wanted, more_is_better=True)


def stack_sweeps(mailboxes: int) -> Iterator[Figure]:
    """A round of sweeps of idle mailboxes on the whole stack, as a tick would queue it."""
    with bench(mailboxes, azurite_options=()) as on:
        on.connect()
        on.await_looks()
        process = psutil.Process(on.stack.app.pid)
        # The first look at a mailbox writes where its folders begin.
        _sweep(on)
        cpu = cpu_seconds(process)
        calls, wall = _sweep(on)
        cpu = cpu_seconds(process) - cpu
        paths = on.requests()
    queue = sum(1 for path in paths if is_queue(path))
    yield Figure(f"stack: sweep of {mailboxes} mailboxes: Graph calls an account", calls / mailboxes, "", 1)
    yield Figure("stack: sweep: storage requests an account", len(paths) / mailboxes, "")
    yield Figure("stack: sweep: of these, on queues, idle polls included", queue / mailboxes, "")
    yield Figure("stack: sweep: CPU of the function app an account", cpu / mailboxes * 1000, "ms")
    yield Figure("stack: sweep: accounts a second", mailboxes / wall, "/s")


def _sweep(on: Bench) -> tuple[int, float]:
    """Has every mailbox swept once; returns the calls to Graph, and the seconds."""
    accounts, queue = AccountTable(on.storage), StorageJobQueue(on.storage)
    rows = [stored.value for name in on.mailboxes if (stored := accounts.get(account_key(name)))]
    jobs = [Job(kind=JobKind.SWEEP, account=row.key, incarnation=row.incarnation, at=row.next_sweep) for row in rows]
    on.stack.m365.reset_stats()
    on.mark()
    started = time.monotonic()
    for start in range(0, len(jobs), TOGETHER):
        queue.put_together(jobs[start : start + TOGETHER])
    on.wait(lambda: on.graph_calls() >= len(jobs), "sweeps")
    wall = time.monotonic() - started
    # The last rows and the deletion of the last messages follow the calls by a moment.
    time.sleep(0.7)
    return on.graph_calls(), wall


def entry(number: int, at: datetime) -> Due:
    """Returns the sweep of an account, which is due at *at*."""
    return Due(kind=DueKind.SWEEP, subject=account_key(f"account-{number}"), at=at, incarnation="incarnation-1")


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="What it costs to keep many mailboxes.")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, help="how many there are in memory (100,000)")
    parser.add_argument("--entries", type=int, default=5000, help="how many entries are due on Azurite (5,000)")
    parser.add_argument("--mailboxes", type=int, default=200, help="how many are swept on the stack (200)")
    options, _ = parser.parse_known_args()
    signals.listen()
    # What is in memory stays there to the end; to look through a million objects again and again is no part of a tick.
    gc.disable()
    print(f"{'':<58}{'measured':>9} {'':<8}{'aim'}", flush=True)
    phases = (
        ticks(options.accounts),
        sweeps(options.accounts),
        renewals(options.accounts),
        azurite_ticks(options.entries),
        stack_sweeps(options.mailboxes),
    )
    try:
        for figure in chain.from_iterable(phases):
            print(figure, flush=True)
    except StackRefused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except signals.Stopped:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
