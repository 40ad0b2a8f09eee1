"""Timers: what is due becomes jobs, whoever dies, and a tick costs what is due and nothing else."""

from datetime import datetime, timedelta

import pytest

from shared.domain.due import Due, DueKind, Heartbeat
from shared.domain.jobs import Job, JobKind
from tests.factories import an_account
from tests.fakes.clock import START
from tests.shared.services.world import SPREAD, Died, Fate, Process, World

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


@pytest.mark.parametrize(("minutes", "reads"), [(30, 1), (5, 2)])
def test_an_idle_tick_reads_the_last_hours(world: World, process: Process, minutes: int, reads: int) -> None:
    """With nothing due a tick reads one hour, or two at the turn of one, however many accounts there are."""
    for number in range(2000):
        world.accounts.insert(an_account(f"account-{number}"))
        enter(world, START + timedelta(days=4), f"account-{number}")
    world.clock.advance(HOUR - timedelta(minutes=30 - minutes))
    world.due.beat(Heartbeat(until=world.clock.now() - timedelta(minutes=5)))
    assert (process.timers.tick(), world.due.reads) == (0, reads)


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
        world.process().timers.tick()
    assert {job.account for job in world.jobs.bodies()} == {"anna", "ben", "cleo"}
    assert world.due.all() == []


def test_a_long_outage_is_made_good(world: World, process: Process) -> None:
    """After six days without a tick one tick queues everything that came due meanwhile, thousands in an hour too."""
    process.timers.tick()
    for hour in range(1, 6 * 24):
        enter(world, START + hour * HOUR, f"hour-{hour}")
    for number in range(2500):
        enter(world, START + 2 * HOUR + timedelta(seconds=number), f"account-{number}")
    world.clock.advance(timedelta(days=6))
    assert world.process().timers.tick() == 6 * 24 - 1 + 2500
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
