"""Timers: what is due becomes jobs, whoever dies, and a tick costs what is due and nothing else."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.due import Due, DueKind, Heartbeat
from shared.domain.jobs import Job, JobKind
from tests.contracts.newer import newer
from tests.factories import an_account
from tests.fakes.clock import START
from tests.shared.services.world import SPREAD, TICK, Died, Fate, Process, World

HOUR = timedelta(hours=1)


def enter(world: World, at: datetime, subject: str = "anna", kind: DueKind = DueKind.SWEEP) -> Due:
    """Enter something into the due index."""
    due = Due(kind=kind, subject=subject, at=at, incarnation="incarnation-1")
    world.due.put(due)
    return due


def test_what_is_due_is_queued_and_nothing_else(world: World, process: Process) -> None:
    """A tick makes a job of each entry that is due, and leaves what is due a second later."""
    enter(world, START - timedelta(minutes=5), kind=DueKind.RENEW)
    enter(world, START)
    later = enter(world, START + timedelta(seconds=1), "ben")
    assert process.timers.tick() == 2
    of_anna = {"account": "anna", "incarnation": "incarnation-1"}
    assert world.jobs.bodies() == [
        Job(kind=JobKind.RENEW, at=START - timedelta(minutes=5), **of_anna),
        Job(kind=JobKind.SWEEP, at=START, **of_anna),
    ]
    assert world.due.all() == [later]


def test_an_expiry_is_about_an_application(world: World, process: Process) -> None:
    """The job of an expiry names the application, and no account."""
    enter(world, START, "app", DueKind.EXPIRY)
    process.timers.tick()
    assert world.jobs.bodies() == [Job(kind=JobKind.EXPIRY, app="app", at=START, incarnation="incarnation-1")]


@pytest.mark.parametrize("idle", [timedelta(minutes=5), timedelta(days=400)], ids=str)
def test_an_idle_tick_reads_once(world: World, process: Process, idle: timedelta) -> None:
    """With nothing due a tick looks once, however many accounts there are, and however long ago the last one was."""
    for number in range(2000):
        world.accounts.insert(an_account(f"account-{number}"))
        enter(world, START + timedelta(days=4), f"account-{number}")
    world.due.beat(Heartbeat(until=START - idle), None)
    assert (process.timers.tick(), world.due.reads) == (0, 1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 180, 4))
def test_a_crash_repeats_a_job_and_loses_none(world: World, at: int, *, after: bool) -> None:
    """Whenever a tick dies, the next one queues what it had not; nothing that is due is lost."""
    for subject in ("anna", "ben", "cleo"):
        enter(world, START - HOUR, subject)
    fate = Fate(at=at, after=after)
    try:
        world.process(fate.over).timers.tick()
    except Died:
        world.clock.advance(TICK)
        world.process().timers.tick()
    assert {job.account for job in world.jobs.bodies()} == {"anna", "ben", "cleo"}
    assert world.due.all() == []


def test_a_long_outage_is_made_good(world: World, process: Process) -> None:
    """After two months without a tick one tick queues everything that came due in them, thousands in an hour too."""
    process.timers.tick()
    for hour in range(1, 60 * 24, 7):
        enter(world, START + hour * HOUR, f"hour-{hour}")
    for number in range(2500):
        enter(world, START + 2 * HOUR + timedelta(seconds=number), f"account-{number}")
    world.clock.advance(timedelta(days=60))
    assert world.process().timers.tick() == len(range(1, 60 * 24, 7)) + 2500
    assert world.due.all() == []


def test_a_tick_that_was_made_is_not_made_again(world: World, process: Process) -> None:
    """Where two processes tick one after the other, the second finds nothing."""
    enter(world, START)
    assert (process.timers.tick(), world.process().timers.tick()) == (1, 0)


def test_an_entry_of_a_slow_clock_is_found(world: World, process: Process) -> None:
    """An entry that was written just after the tick that should have found it is found by the next."""
    world.clock.advance(timedelta(minutes=33))
    process.timers.tick()
    enter(world, world.clock.now() - timedelta(minutes=9))
    world.clock.advance(timedelta(minutes=5))
    assert process.timers.tick() == 1


@pytest.mark.parametrize("by", ["job", "call"])
def test_a_dead_timer_is_repaired(world: World, process: Process, by: str) -> None:
    """Where the last tick is 21 minutes ago, a job or a call to the API ticks instead, and says so."""
    process.timers.tick()
    enter(world, START + timedelta(minutes=2))
    world.clock.advance(timedelta(minutes=21))
    if by == "job":
        process.jobs.run(Job(kind=JobKind.CONNECT, account="nobody"))
    else:
        process.timers.repair()
    assert [job.kind for job in world.jobs.bodies()] == [JobKind.SWEEP]
    assert world.log.problems() == ["timers.stale"]
    assert world.process().timers.age() == timedelta()


@pytest.mark.parametrize("ticked", [False, True], ids=["never ticked", "ticked just now"])
def test_a_living_timer_is_left_alone(world: World, process: Process, *, ticked: bool) -> None:
    """Before the first tick, and while ticks come, nobody else ticks."""
    if ticked:
        process.timers.tick()
    enter(world, START + timedelta(minutes=2))
    world.clock.advance(timedelta(minutes=15))
    process.timers.repair()
    assert world.jobs.bodies() == []


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_jobs_of_one_tick_are_spread(world: World, process: Process, chance: float) -> None:
    """The jobs of a tick come by chance within the spread, so that they do not all call Graph at once."""
    world.randomness.chance = chance
    enter(world, START)
    process.timers.tick()
    (message,) = world.jobs.waiting()
    assert message.due - START == SPREAD * chance


class Batches:
    """Counts what a tick puts and removes."""

    def __init__(self, world: World) -> None:
        self.put: list[int] = []
        self.removed: list[int] = []
        self._world = world

    def over(self, port: Any) -> Any:
        """Return *port*, listened to."""
        if port is self._world.jobs:
            return Listening(port, put_together=lambda jobs, _delay: self.put.append(len(jobs)))
        if port is self._world.due:
            return Listening(port, remove=lambda entries: self.removed.append(len(entries)))
        return port


class Listening:
    """Tells of calls before they are made."""

    def __init__(self, port: Any, **ears: Callable[..., object]) -> None:
        self._port = port
        self._ears = ears

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in self._ears:
            return found

        def call(*args: Any) -> Any:
            self._ears[name](*args)
            return found(*args)

        return call


def test_what_is_due_together_travels_together(world: World) -> None:
    """A message carries 20 jobs, and a page of the index is removed at once."""
    for number in range(1050):
        enter(world, START - HOUR, f"account-{number}")
    batches = Batches(world)
    assert world.process(batches.over).timers.tick() == 1050
    assert (batches.put, batches.removed) == ([20] * 52 + [10], [1000, 50])


def test_one_tick_is_at_it(world: World) -> None:
    """While a tick queues what is due, another one leaves it alone, even where it has read the same page already."""
    enter(world, START)
    late = world.process()

    def meanwhile(*_: object) -> None:
        assert late.timers.tick() == 0

    class Slow:
        """Reads the index, and then another tick is quick."""

        def __getattr__(self, name: str) -> Any:
            return getattr(world.due, name)

        def within(self, since: datetime, until: datetime, limit: int) -> list[Due]:
            entries = world.due.within(since, until, limit)
            if entries:
                process.timers.tick()
            return entries

    process = world.process(
        lambda port: Listening(port, put_together=meanwhile) if port is world.jobs else port,
    )
    overtaken = world.process(lambda port: Slow() if port is world.due else port)
    assert overtaken.timers.tick() == 0
    assert len(world.log.named("timers.overtaken")) == 2
    assert len(world.jobs.bodies()) == 1
    assert world.due.all() == []


def test_a_killed_tick_holds_nobody_up_for_long(world: World) -> None:
    """A tick that died over its second page leaves a claim that ends by itself, and the first page is not repeated."""
    for number in range(1500):
        enter(world, START - HOUR, f"account-{number:04}")
    batches = Batches(world)

    def die(jobs: Sequence[Job], _delay: timedelta) -> None:
        if jobs[0].account == "account-1000":
            raise Died

    doomed = world.process(lambda port: Listening(port, put_together=die) if port is world.jobs else port)
    with pytest.raises(Died):
        doomed.timers.tick()
    assert world.process().timers.tick() == 0
    world.clock.advance(timedelta(minutes=2))
    assert world.process(batches.over).timers.tick() == 500
    assert sum(batches.put) == 500


def test_a_tick_under_way_is_no_dead_timer(world: World, process: Process) -> None:
    """While a tick makes good a long outage, jobs and calls do not each make another."""
    process.timers.tick()
    world.clock.advance(HOUR)
    stored = world.due.heartbeat()
    assert stored is not None
    claimed = stored.value.model_copy(update={"claimed": world.clock.now() + timedelta(seconds=1)})
    world.due.beat(claimed, stored.etag)
    reads = world.due.reads
    world.process().timers.repair()
    assert (world.due.reads, world.log.problems()) == (reads, [])
    world.clock.advance(timedelta(seconds=1))
    world.process().timers.repair()
    assert world.log.problems() == ["timers.stale"]


def test_what_a_newer_version_entered_is_its_job(world: World, process: Process) -> None:
    """An entry of a kind that is not known here becomes a job of that kind; the heartbeat keeps what is not known."""
    enter(world, START)
    world.due.put(Due.model_validate({"kind": "dance", "subject": "ben", "at": START}))
    world.due.beat(newer(Heartbeat(until=START - HOUR)), None)
    assert process.timers.tick() == 2
    assert {job.kind for job in world.jobs.bodies()} == {"sweep", "dance"}
    beaten = world.due.heartbeat()
    assert beaten is not None
    assert beaten.value == newer(Heartbeat(until=START))
