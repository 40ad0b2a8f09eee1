"""Metrics: what all processes counted, and the backlog that alerts stand on."""

from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest

from shared.adapters.tally import TallyLog
from shared.domain.accounts import AccountState, Subscription
from shared.domain.breakers import Breaker
from shared.domain.errors import TryLater
from shared.domain.tallies import Role, Tally
from shared.ports.metrics import Ledger
from shared.services import metrics as module
from tests.factories import HOOK, a_change, a_message, an_account, an_app
from tests.fakes.clock import START
from tests.fakes.faults import Faulty
from tests.shared.domain.test_exposition import parsed
from tests.shared.services.world import Died, Fate, Process, World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SWEEPS = "relay365_sweeps_total"


def wrote(world: World, process: str, sweeps: int, **fields: object) -> None:
    """Have a process write what it counted."""
    values = {"updated": world.clock.now(), "sums": {SWEEPS: sweeps}, **fields}
    world.ledger.write(Tally.model_validate({"process": process, **values}), None)


def etag_of_the_app(world: World) -> str:
    """Return the ETag of the application that a world has."""
    stored = world.apps.get(an_app().id)
    assert stored is not None
    return stored.etag


def scraped(world: World) -> dict[str, float]:
    """Return what a scraper reads from a process that has nothing in memory."""
    return parsed(world.process().relay.metrics.text())


def test_a_scrape_tells_of_all_processes(world: World) -> None:
    """Counters are added up over processes, queues are told in EmailEngine's words, applications by their days."""
    wrote(world, "a", 3)
    wrote(world, "b", 4)
    world.queue_gauge.on |= {"retries": 2, "jobs-poison": 1}
    world.apps.replace(an_app(expires=START + 9 * DAY + HOUR), etag_of_the_app(world))
    world.process().timers.tick()
    world.clock.advance(timedelta(seconds=30))
    told = scraped(world)
    assert (told[SWEEPS], told["relay365_processes"]) == (7, 2)
    assert told['queue_size{queue="retries",state="delayed"}'] == 2
    assert told['queue_size{queue="jobs",state="failed"}'] == 1
    assert told[f'relay365_credential_days{{app="{an_app().id}"}}'] == 9
    assert (told["relay365_last_tick_seconds"], told["relay365_poison_waiting"]) == (30, 1)


def test_a_scrape_is_remembered_for_moments(world: World, process: Process) -> None:
    """Within 15 seconds a process answers from memory; then it looks again."""
    metrics = process.relay.metrics
    before = metrics.text()
    wrote(world, "a", 3)
    world.clock.advance(timedelta(seconds=14))
    assert metrics.text() == before
    world.clock.advance(timedelta(seconds=2))
    assert parsed(metrics.text())[SWEEPS] == 3


def test_accounts_are_counted_once_an_hour(world: World, process: Process) -> None:
    """The timer counts accounts, and not again before an hour is over; a scrape never does."""
    assert "relay365_accounts" not in process.relay.metrics.text()
    world.connected()
    world.connected("ben", subscription=Subscription(id="s", expires=START + HOUR, created=START))
    world.connected("cleo", subscription=None, polling=True)
    world.accounts.insert(an_account("dora", state=AccountState.AUTHENTICATION_ERROR))
    first = process.relay.metrics.measure()
    assert (first.accounts, first.accounts_in_trouble, first.accounts_polling, first.renewals_late) == (4, 1, 1, 1)
    told = scraped(world)
    assert told['relay365_accounts{state="connected"}'] == 3
    assert told['outlook_subscriptions{status="valid"}'] == 2
    assert told["relay365_subscription_soonest_end_seconds"] == 3600
    world.connected("emil")
    world.clock.advance(timedelta(minutes=55))
    assert process.relay.metrics.measure().accounts == 4
    world.clock.advance(timedelta(minutes=5))
    assert process.relay.metrics.measure().accounts == 5


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 8))
def test_a_crash_while_folding_changes_no_sum(world: World, at: int, *, after: bool) -> None:
    """Wherever a fold dies, every sum is as before, and the next one folds what is left."""
    for number in range(3):
        wrote(world, f"silent-{number}", 10 + number, updated=START - 2 * HOUR)
    wrote(world, "busy", 1)
    fate = Fate(at=at, after=after)
    try:
        world.process(fate.over).relay.metrics.measure()
    except Died:
        assert scraped(world)[SWEEPS] == 34
    world.process().relay.metrics.measure()
    told = scraped(world)
    assert (told[SWEEPS], told["relay365_processes"]) == (34, 1)


def test_many_silent_processes_are_folded(world: World, process: Process) -> None:
    """More rows than a transaction holds are folded in several."""
    for number in range(250):
        wrote(world, f"{number}", 1, updated=START - 2 * HOUR)
    process.relay.metrics.measure()
    ledger = world.ledger.read()
    assert ledger.base is not None
    assert (ledger.base.value.sums[SWEEPS], ledger.tallies) == (250, [])


def test_who_counts_during_a_fold_stays(world: World) -> None:
    """A process that writes between the look and the fold keeps its row; nothing is lost or counted twice."""
    wrote(world, "a", 5, updated=START - 2 * HOUR)
    wrote(world, "b", 7, updated=START - 2 * HOUR)
    fold, seen = world.ledger.fold, world.ledger.read().tallies[0]

    def late(*arguments: Any) -> None:
        if world.ledger.etag("a") == seen.etag:
            world.ledger.write(seen.value.model_copy(update={"updated": START, "sums": {SWEEPS: 6}}), seen.etag)
        fold(*arguments)

    world.ledger.fold = late
    world.process().relay.metrics.measure()
    ledger = world.ledger.read()
    assert ledger.base is not None
    assert (ledger.base.value.sums, [each.value.process for each in ledger.tallies]) == ({SWEEPS: 7}, ["a"])
    assert scraped(world)[SWEEPS] == 13


def test_the_backlog_is_one_line(world: World, process: Process) -> None:
    """Each run writes one line with plain numbers, and leaves out what there is not."""
    process.relay.metrics.measure()
    (line,) = world.log.named("backlog.measured")
    assert {name for name, value in line.items() if value is None} == {
        "last_tick_seconds",
        "credential_days",
        "sidecar_silent_seconds",
    }
    assert {value for value in line.values() if value is not None} == {0}


def test_a_dead_endpoint_shows_up(world: World) -> None:
    """Events whose attempts fail, and those that only a breaker puts off, make the oldest undelivered event."""
    world.connected()
    tally = TallyLog(world.ledger, world.clock, world.randomness, Role.APP, HOUR)
    process = world.process(log=tally)
    open_breaker = Breaker(openings=3, until=START + timedelta(minutes=10))
    process.deliveries.endpoints._breakers["default"] = (HOOK, open_breaker)
    world.reader.keep(a_message())
    process.expand(a_change(seen=START - HOUR))
    tally.flush()
    assert len(world.sender.posts) == 0
    world.clock.advance(timedelta(minutes=9))
    assert world.process().relay.metrics.measure().oldest_undelivered_seconds == 69 * 60
    assert scraped(world)["relay365_deliveries_deferred_total"] == 1


def test_what_waits_to_be_expanded_counts_too(world: World, process: Process) -> None:
    """Where nobody takes changes from their queue, the oldest event is as old as the next of them."""
    world.queue_gauge.next = START - HOUR
    assert process.relay.metrics.measure().oldest_undelivered_seconds == 3600


def test_the_sidecar_is_missed(world: World, process: Process) -> None:
    """A sidecar's gauges count while it shows them; its silence is told, folded or not, for a week."""
    for replica, connected in (("one", 3), ("two", 4)):
        wrote(world, replica, 0, role=Role.SIDECAR, gauges={"imap_connections connected": connected})
    assert scraped(world)['imap_connections{status="connected"}'] == 7
    assert process.relay.metrics.measure().sidecar_silent_seconds == 0
    world.clock.advance(timedelta(minutes=4))
    assert "imap_connections" not in process.relay.metrics.text()
    world.clock.advance(2 * HOUR - timedelta(minutes=4))
    assert process.relay.metrics.measure().sidecar_silent_seconds == 7200
    assert world.ledger.read().tallies == []
    world.clock.advance(DAY)
    assert process.relay.metrics.measure().sidecar_silent_seconds == 7200 + 86_400
    world.clock.advance(6 * DAY)
    assert process.relay.metrics.measure().sidecar_silent_seconds is None


def test_troubles_are_added_up(world: World, process: Process) -> None:
    """Subscriptions that were lost or fell silent, and a sidecar's troubles, are told as sums over all processes."""
    lost = {"relay365_subscriptions_total removed": 2, "relay365_subscriptions_total renewed": 9}
    wrote(world, "a", 0, sums=lost)
    silent = {"relay365_subscriptions_total silent": 1}
    troubles = {f"relay365_sidecar_troubles_total {word}": 1 for word in ("replica_fenced", "session_broken")}
    wrote(world, "b", 0, sums={**silent, **troubles})
    measured = process.relay.metrics.measure()
    assert (measured.subscription_losses, measured.sidecar_troubles) == (3, 2)


def test_without_storage_nothing_is_told(world: World) -> None:
    """While storage is down a scrape is refused with a wait, and the timer's line stays away: that is its alarm."""
    store = Faulty(world.ledger)
    store.fail("read", TryLater("Storage cannot be reached."), times=2)
    metrics = world.process(lambda port: store.port if port is world.ledger else port).relay.metrics
    for ask in (metrics.text, metrics.measure):
        with pytest.raises(TryLater):
            ask()
    assert world.log.named("backlog.measured") == []


def test_scrapes_do_not_pile_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a look hangs, a further scrape is refused within moments, and the next one after it is answered."""
    assert module._PATIENCE_SECONDS <= 1
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.01)
    begun, answers = Event(), Event()

    class Hanging:
        """A ledger that answers when it may."""

        def read(self) -> Ledger:
            """Wait, and answer."""
            begun.set()
            assert answers.wait(60)
            return world.ledger.read()

    metrics = world.process(lambda port: Hanging() if port is world.ledger else port).relay.metrics
    first = Thread(target=metrics.text)
    first.start()
    assert begun.wait(60)
    with pytest.raises(TryLater):
        metrics.text()
    answers.set()
    first.join(60)
    assert metrics.text()
