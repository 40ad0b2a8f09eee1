"""Purges: what is old goes, and nothing that is still wanted."""

from datetime import timedelta

from shared.domain.changes import ChangeBatch, ChangeKind
from tests.factories import MESSAGE, a_change, a_message
from tests.fakes.clock import START
from tests.fakes.webhooks import FAILED
from tests.shared.services.world import KEPT, World

DAY = timedelta(days=1)
LONG_AGO = START - timedelta(days=900)


def purge(world: World) -> int:
    """Purge once."""
    return world.process().relay.purges.purge()


def tell(world: World, **changes: object) -> None:
    """Have a change expanded by a process that remembers nothing."""
    batch = ChangeBatch(changes=(a_change(seen=world.clock.now(), **changes),))
    world.process().changes.expand(batch, redelivered=False)


def test_a_month_goes_when_all_of_it_is_old(world: World) -> None:
    """A delivery is kept for as long as it was promised, and goes with its month."""
    world.connected()
    world.reader.keep(a_message())
    tell(world)
    world.clock.advance(KEPT)
    assert purge(world) == 0
    world.clock.advance(timedelta(days=37))
    assert purge(world) == 2
    assert world.log.named("retention.purged")[-1]["tables"] == 2


def test_old_mail_that_is_new_to_us_is_delivered_to_the_end(world: World) -> None:
    """A message of years ago that comes today is retried like any, though a purge comes in between."""
    world.connected()
    world.reader.keep(a_message(received=LONG_AGO))
    world.sender.answer(FAILED)
    tell(world)
    purge(world)
    (retry,) = world.retries.bodies()
    world.process().deliveries.attempt(retry, redelivered=False)
    assert world.sender.events() == ["messageNew"] * 2
    assert world.sender.bodies()[0]["date"] == "2023-09-14T09:30:00.000Z"


def test_forgotten_mail_does_not_arrive_again(world: World) -> None:
    """Mail whose sighting was purged is told as changed or moved, never as new."""
    world.connected(watched_since=LONG_AGO)
    for kind in (ChangeKind.UPDATED, ChangeKind.CREATED):
        old = {"received": START - KEPT - DAY, "created": START - KEPT - DAY}
        world.reader.keep(a_message(id=f"{MESSAGE}-{kind}", change_key=str(kind), **old))
        tell(world, kind=kind, message=f"{MESSAGE}-{kind}")
    assert world.sender.events() == ["messageUpdated", "messageMoved"]


def test_an_arrival_that_a_sweep_found_late_is_an_arrival(world: World) -> None:
    """After an outage longer than anything is remembered, a sweep's find is new all the same."""
    world.connected(watched_since=LONG_AGO)
    world.reader.keep(a_message(received=START - KEPT - DAY, created=START - KEPT - DAY))
    tell(world, found=True)
    assert world.sender.events() == ["messageNew"]
