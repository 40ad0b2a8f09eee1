"""Jobs: what cannot be done now is done later, and what is about somebody else is not done."""

from datetime import timedelta

import pytest

from shared.domain.accounts import AccountState
from shared.domain.errors import Changed, TryLater, WorkFailed
from shared.domain.jobs import JobKind
from tests.fakes.clock import START
from tests.fakes.counted import Counted
from tests.fakes.faults import Faulty
from tests.shared.services.world import Process, World


@pytest.mark.parametrize("registration", ["gone", "another"])
def test_a_job_for_nobody_does_nothing(world: World, process: Process, registration: str) -> None:
    """A job whose account is gone, or was registered anew since, is dropped."""
    job = world.registered()
    stranger = job.model_copy(update={"incarnation": "another"} if registration == "another" else {"account": "x" * 26})
    process.jobs.run(stranger)
    assert (world.mailboxes.probed, world.account().state) == ([], AccountState.NEW)


def test_an_outage_puts_a_job_off(world: World) -> None:
    """While a table does not answer, the job goes back to the queue and is carried out later."""
    job = world.registered()
    (message,) = world.jobs.take()

    class Silent:
        def get(self, key: str) -> None:
            raise TryLater("Storage is busy.")

    cut_off = world.process(lambda port: Silent() if port is world.accounts else port)
    cut_off.jobs.run(job)
    world.jobs.done(message)
    assert world.jobs.bodies() == [job]
    world.process().work()
    assert world.account().state is AccountState.CONNECTED


@pytest.mark.parametrize("kind", JobKind)
def test_every_kind_of_job_has_a_worker(world: World, process: Process, kind: JobKind) -> None:
    """Whatever the kind, a job for an account that is going is carried out without a failure."""
    account = world.connected()
    world.live(account)
    world.rewrite(account, state=AccountState.DELETED)
    process.jobs.run(world.queue(account, kind))
    assert world.log.named("job.postponed") == []


@pytest.mark.parametrize("kind", [JobKind.SWEEP, JobKind.CATCH_UP])
def test_a_look_reads_account_and_links_together(world: World, kind: JobKind) -> None:
    """A look at a mailbox reads the account and how far its folders were followed in one request, and no other."""
    account, counted = world.connected(next_sweep=START), Counted()
    world.process(counted.over).jobs.run(world.queue(account, kind, at=START))
    reads = ("FakeAccountStore.get_with_cursors", "FakeAccountStore.get", "FakeCursorStore.get")
    assert [counted.calls[each] for each in reads] == [1, 0, 0]
    assert counted.calls["FakeHistory.glance"] == 1


def test_a_job_ends_in_one_line(world: World) -> None:
    """A job tells what it was, whose, how it ended and how long it took; sweeps have a line of their own."""
    job = world.registered()
    world.mailboxes.meanwhile = lambda: world.clock.advance(timedelta(milliseconds=250))
    world.process().work(until=timedelta(seconds=1))
    connected, *others = world.log.named("job.ended")
    assert {key: value for key, value in connected.items() if value is not None} == {
        "kind": JobKind.CONNECT,
        "outcome": "done",
        "account": "anna",
        "correlation": job.incarnation,
        "milliseconds": 250,
    }
    assert [line["kind"] for line in others] == [JobKind.CATCH_UP]
    world.process().go_on(until=timedelta(hours=1))
    assert len(world.log.named("sweeps.ended")) > 1
    assert JobKind.SWEEP not in [line["kind"] for line in world.log.named("job.ended")]


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [("pointless", {"incarnation": "another"}), ("pointless", {"kind": JobKind.SWEEP, "at": START}), ("done", {})],
)
def test_a_job_tells_whether_it_had_something_to_do(world: World, outcome: str, changes: dict[str, object]) -> None:
    """A job that nobody wants any more says so, a sweep of another chain too."""
    world.process().jobs.run(world.registered().model_copy(update=changes))
    assert [line["outcome"] for line in world.log.named("job.ended")] == [outcome]


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_a_job_beside_other_work_comes_again(world: World, chance: float) -> None:
    """A job whose account somebody else changed meanwhile comes again in 2 to 4 seconds, as it is."""
    world.randomness.chance = chance
    account = world.connected()
    world.live(account)
    job = world.queue(account, JobKind.REAUTHORIZE, subscription="subscription-of-anna")
    accounts = Faulty(world.accounts)
    accounts.fail("replace", Changed("Somebody else was faster."))
    world.process(lambda port: accounts.port if port is world.accounts else port).work(until=timedelta(seconds=1))
    (message,) = world.jobs.waiting()
    assert (message.body, message.due) == (job, START + timedelta(seconds=2) * (1 + chance))
    assert [line["outcome"] for line in world.log.named("job.ended")] == ["again"]
    assert world.log.problems() == []


@pytest.mark.parametrize(("asked", "waited"), [(None, 60), (7, 7)])
def test_a_job_waits_as_long_as_it_is_asked(world: World, asked: int | None, waited: int) -> None:
    """A job that must wait is put back for as long as was asked, or for a minute, and an operator can see it."""
    job = world.registered()
    accounts = Faulty(world.accounts)
    accounts.fail("get", TryLater("Storage is busy.", timedelta(seconds=asked) if asked else None))
    world.process(lambda port: accounts.port if port is world.accounts else port).work(until=timedelta(seconds=1))
    (message,) = world.jobs.waiting()
    assert (message.body, message.due) == (job, START + timedelta(seconds=waited))
    assert world.log.named("job.postponed")[0]["kind"] is JobKind.CONNECT


def test_what_a_job_changed_is_seen_at_once(world: World, process: Process) -> None:
    """The process that carried out a job does not go by what it remembers of the account."""
    world.registered()
    key = world.account().key
    assert process.jobs.account_lookup.get(key) is not None
    process.work(until=timedelta(seconds=1))
    seen = process.jobs.account_lookup.get(key)
    assert seen is not None
    assert seen.value == world.account()


def test_a_job_that_fails_goes_on_alone(world: World) -> None:
    """Of the jobs of one message the one that fails is put back alone and told; the others are done, and done once."""
    jobs = [world.registered(name=name) for name in ("anna", "ben", "cleo")]
    for message in world.jobs.take():
        world.jobs.done(message)
    accounts = Faulty(world.accounts)
    accounts.fail("get", ValueError("A bug."))
    process = world.process(lambda port: accounts.port if port is world.accounts else port)
    process.jobs.run_together(jobs)
    assert [job for job in world.jobs.bodies() if job.kind is JobKind.CONNECT] == jobs[:1]
    (parted,) = world.log.named("job.parted")
    assert (parted["account"], parted["account_key"], parted["error"]) == (None, jobs[0].account, "ValueError")
    assert world.mailboxes.probed == ["ben@contoso.com", "cleo@contoso.com"]
    accounts.fail("get", ValueError("A bug."))
    with pytest.raises(WorkFailed):
        process.jobs.run_together(jobs[:1])
    assert [line["account_key"] for line in world.log.named("job.failed")] == [jobs[0].account]


def test_the_sweeps_of_a_message_end_in_one_line(world: World, process: Process) -> None:
    """Sweeps that find nothing have one line for all of a message; one that failed is counted, and has its own too."""
    jobs = []
    for name in ("anna", "ben", "cleo"):
        account = world.connected(name, watched_since=START, swept=START, next_sweep=START)
        world.live(account)
        jobs.append(world.queue(account, JobKind.SWEEP, at=START))
    world.history.troubles.add(TryLater("Graph is busy."))
    process.jobs.run_together([*jobs, jobs[1].model_copy(update={"incarnation": "another"})])
    (ended,) = world.log.named("sweeps.ended")
    assert ended == {"accounts": 2, "changes": 0, "unannounced": 0, "failed": 1, "milliseconds": 0}
    assert [line["account"] for line in world.log.named("account.unswept")] == ["anna"]
    assert world.log.named("account.swept") == []
    assert [line["outcome"] for line in world.log.named("job.ended")] == ["pointless"]


def test_a_message_of_jobs_ends_in_time(world: World) -> None:
    """Jobs that were not begun within two minutes go back to the queue, before the host would end them."""
    jobs = [world.registered(name=name) for name in ("anna", "ben", "cleo", "dora")]
    for message in world.jobs.take():
        world.jobs.done(message)
    world.mailboxes.meanwhile = lambda: world.clock.advance(timedelta(seconds=61))
    world.process().jobs.run_together(jobs)
    assert [job for job in world.jobs.bodies() if job.kind is JobKind.CONNECT] == jobs[2:]


def test_a_newer_version_s_job_is_not_dropped(world: World, process: Process) -> None:
    """A job of a kind that is not known here fails, so that it ends as poison that anybody can see and requeue."""
    job = world.registered().model_copy(update={"kind": "dance"})
    with pytest.raises(WorkFailed):
        process.jobs.run(job)
    (failed,) = world.log.named("job.failed")
    assert "newer version" in str(failed["error"])
