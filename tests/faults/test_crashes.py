"""A process dies at every step of its work, once and twice, and nothing is lost."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.deliveries import DeliveryState, Outcome
from tests.fakes.clock import START
from tests.faults.fate import Death, Fate
from tests.faults.mortal_relay import BROKEN, OVERLOADED, SILENT, MortalRelay, Told, mail, notification

EARLIER = START - timedelta(hours=2)

# One message of each kind: new, new but found only by the second read, flagged, moved, deleted.
EVERY_KIND = {
    ("messageNew", "fresh"),
    ("messageNew", "lagging"),
    ("messageUpdated", "flagged"),
    ("messageMoved", "moved"),
    ("messageDeleted", "deleted"),
}


def every_kind(deaths: tuple[Death, ...], refusals: Sequence[Outcome] = ()) -> Told:
    """Run a mailbox in which everything happens, told in two POSTs."""
    old = {"received": EARLIER, "created": EARLIER, "modified": EARLIER}
    flagged = mail("flagged", **old)
    moved = mail("moved", **old)
    return MortalRelay(
        Fate(deaths),
        posts=[
            [notification("created", "fresh"), notification("created", "lagging"), notification("deleted", "deleted")],
            [notification("updated", "flagged"), notification("deleted", "moved"), notification("created", "moved")],
        ],
        mails=[
            mail("fresh"),
            mail("lagging"),
            mail("flagged", **{**old, "modified": START, "change_key": "2"}, flags=frozenset({"\\Flagged"})),
            mail("moved", **{**old, "modified": START, "change_key": "2"}, folder="archive"),
        ],
        known=[flagged, moved, mail("deleted", **old)],
        lagging=["lagging"],
        refusals=refusals,
    ).run()


def one_mail(deaths: tuple[Death, ...], refusals: Sequence[Outcome] = ()) -> Told:
    """Run a mailbox that one message comes to."""
    return MortalRelay(
        Fate(deaths), posts=[[notification("created", "fresh")]], mails=[mail("fresh")], refusals=refusals
    ).run()


def dying(run: Callable[[tuple[Death, ...]], Told], times: int, deaths: tuple[Death, ...] = ()) -> Iterator[Told]:
    """Run with every choice of up to *times* deaths."""
    told = run(deaths)
    yield told
    if times > len(deaths):
        for death in told.fate.further_deaths():
            yield from dying(run, times, (*deaths, death))


@pytest.fixture(scope="module")
def everything() -> list[Told]:
    """Return the runs of every kind of change with up to two deaths."""
    return list(dying(every_kind, 2))


@pytest.fixture(scope="module")
def refused() -> list[Told]:
    """Return the runs in which the endpoint refuses each first attempt, with up to one death."""
    return list(dying(lambda deaths: every_kind(deaths, refusals=[BROKEN]), 1))


@pytest.fixture(scope="module")
def stubborn() -> list[Told]:
    """Return the runs of one message that the endpoint refuses twice, with up to two deaths."""
    return list(dying(lambda deaths: one_mail(deaths, refusals=[SILENT, OVERLOADED]), 2))


@pytest.fixture(scope="module")
def runs(everything: list[Told], refused: list[Told], stubborn: list[Told]) -> list[Told]:
    """Return all runs."""
    return [*everything, *refused, *stubborn]


def described(told: Told) -> str:
    """Say at which steps the processes of a run died."""
    deaths = (f"{'after' if at.after else 'before'} {told.fate.effects[at.effect - 1]}" for at in told.fate.deaths)
    return " and ".join(deaths) or "no death"


def notified_again(told: Told) -> bool:
    """Tell whether Graph sent a notification twice that had been stored the first time."""
    died_at = {(told.fate.effects[at.effect - 1], at.after) for at in told.fate.deaths}
    return bool(died_at & {("notification stored", True), ("notification answered", False)})


def differs(told: Told) -> set[str]:
    """Return the names of the events whose id came with other bytes than before."""
    return {json.loads(bodies[0])["event"] for bodies in told.bodies.values() if len(set(bodies)) > 1}


def test_the_runs_are_exhaustive(everything: list[Told], refused: list[Told], stubborn: list[Told]) -> None:
    """Every effect of an undisturbed run is a place to die, before and after, and so is each that follows a death."""
    assert everything[0].fate.effects.count("post") == 5
    assert len(everything) > (2 * len(everything[0].fate.effects)) ** 2 / 2
    assert len(refused) == 1 + 2 * len(refused[0].fate.effects)
    assert stubborn[0].fate.effects.count("post") == 3


def test_no_death_loses_an_event(everything: list[Told], refused: list[Told]) -> None:
    """Whenever processes die, every change arrives as an event of its right kind, and as no other."""
    for told in [*everything, *refused]:
        accepted = {told.events[event] for event in told.accepted}
        assert accepted == EVERY_KIND, described(told)


def test_a_stubborn_endpoint_gets_its_event(stubborn: list[Told]) -> None:
    """A silence, a `Retry-After` and two deaths still end in a delivery."""
    for told in stubborn:
        assert {told.events[event] for event in told.accepted} == {("messageNew", "fresh")}, described(told)


def test_every_row_ends_as_delivered(runs: list[Told]) -> None:
    """Whatever was interrupted, the record shows each delivery as delivered in the end."""
    for told in runs:
        assert told.states == {DeliveryState.DELIVERED}, described(told)


def test_a_death_costs_one_duplicate_at_most(runs: list[Told]) -> None:
    """An event comes again no more often than processes died, and under the same id."""
    for told in runs:
        assert max(told.accepted.values()) <= 1 + len(told.fate.deaths), described(told)
        assert len(set(told.events.values())) == len(told.events), described(told)


def test_every_attempt_is_signed(runs: list[Told]) -> None:
    """A repetition after a death verifies like a first attempt."""
    assert not [described(told) for told in runs if told.forged]


def test_a_repetition_sends_the_same_bytes(runs: list[Told]) -> None:
    """What a death between the queue and the record repeats is, byte for byte, what was sent before."""
    told_once = [told for told in runs if not notified_again(told)]
    assert not [described(told) for told in told_once if differs(told)]


@pytest.mark.parametrize("event", ["messageNew", "messageUpdated", "messageMoved"])
def test_a_second_notification_sends_the_same_bytes(runs: list[Told], event: str) -> None:
    """A notification that Graph repeats, unanswered the first time, leads to the same bytes under the same id."""
    told_again = [told for told in runs if notified_again(told)]
    differing = [described(told) for told in told_again if event in differs(told)]
    assert not differing, f"{len(differing)} of {len(told_again)} runs, such as {differing[0]}"


def test_a_second_notification_of_a_deletion_tells_another_moment(runs: list[Told]) -> None:
    """A deletion has no time of its own, so that a repeated one tells when we learned of it, and nothing else new."""
    deletions = [
        {(body["event"], json.dumps(body["data"]), body["account"]) for body in map(json.loads, bodies)}
        for told in runs
        for event, bodies in told.bodies.items()
        if told.events[event][0] == "messageDeleted"
    ]
    assert deletions
    assert {len(told) for told in deletions} == {1}


CHANGES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "flagged": (["updated"], {"flags": frozenset({"\\Flagged"})}),
    "moved": (["deleted", "created"], {"folder": "archive"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_while_a_process_is_dead_is_told(change: str) -> None:
    """A receiver that takes each id once knows, in the end, a message as it is."""
    kinds, values = CHANGES[change]

    def touch(relay: MortalRelay) -> None:
        relay.clock.advance(timedelta(seconds=5))
        relay.mails["fresh"] = mail("fresh", **values, modified=relay.clock.now(), change_key="2")
        relay.notify([notification(kind, "fresh") for kind in kinds])

    def run(deaths: tuple[Death, ...]) -> Told:
        posts = [[notification("created", "fresh")]]
        return MortalRelay(Fate(deaths), posts=posts, mails=[mail("fresh")], meanwhile=touch).run()

    _, *disturbed = dying(run, 1)
    untold = [described(told) for told in disturbed if not knows(told, change)]
    assert not untold, f"{len(untold)} of {len(disturbed)} runs: {untold}"


def knows(told: Told, change: str) -> bool:
    """Tell whether the first body of some event says that the message is flagged, or where it is."""
    first = [json.loads(bodies[0]) for bodies in told.bodies.values()]
    if change == "moved":
        return any(body["path"] == "Archive" for body in first)
    return any("Flagged" in json.dumps(body["data"]) for body in first)
