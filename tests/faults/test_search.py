"""Whatever happens to the real services in any order, no event is lost; and code in a wrong order is found out."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.domain.attempts import ORDER, Effect, Step
from shared.domain.deliveries import Delivery, DeliveryState, Retry
from shared.services import deliveries as service
from shared.services.changes import Changes
from shared.services.deliveries import Deliveries
from tests.faults import ground
from tests.faults.model import Model
from tests.faults.search import Move, Report, explore
from tests.faults.situations import DEAD, FLAGGED, LONG_DEAD, ONE_MAIL, ONE_PROCESS, SEARCHES, Search, Situation


def searched(situation: Situation, faults: int) -> Report:
    """Return what a search through *situation* comes to."""
    model = Model(situation)
    return explore(model.start(faults), model.moves, model.judge)


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_no_order_of_things_loses_an_event(search: Search) -> None:
    """
    However crashes, early leases, ambiguous writes and bad answers fall, each delivery is received or says why not.

    And no event comes twice more often than faults may have repeated it, its bytes are the same each time, no message
    is left over, and from everywhere a way leads to the end.
    """
    model = Model(search.situation)
    report = explore(model.start(search.faults), model.moves, model.judge)
    assert report.problem is None, report
    assert search.ends <= model.ends


def test_without_faults_every_event_comes_once() -> None:
    """Where nothing goes wrong there is one way through, and one reception at its end."""
    report = searched(ONE_MAIL, faults=0)
    assert (report.problem, report.ends, report.moves) == (None, 1, report.states - 1)


# --- wrong on purpose ---


def row_before_post(patch: pytest.MonkeyPatch) -> None:
    """Write the row before the POST, and again after it."""
    patch.setattr(service, "ORDER", (Effect.ROW, Effect.POST, Effect.ROW, Effect.RETRY))


def retry_before_row(patch: pytest.MonkeyPatch) -> None:
    """Queue the retry before its row is there."""
    patch.setattr(service, "ORDER", (Effect.POST, Effect.RETRY, Effect.ROW))


def retry_after_return(patch: pytest.MonkeyPatch) -> None:
    """Have the message deleted before the retry is queued."""
    queue = Deliveries._queue

    def late(self: Any, works: Sequence[Any]) -> None:
        self.retries.return_early()
        queue(self, works)

    patch.setattr(Deliveries, "_queue", late)


def row_suppresses_retry(patch: pytest.MonkeyPatch) -> None:
    """Take a row for a sign that all is done."""

    def first(delivery: Delivery, known: Delivery | None) -> Step:
        return Step(known, frozenset()) if known else Step(delivery, frozenset(ORDER))

    patch.setattr(service, "first", first)


def repeated_retry_is_dropped(patch: pytest.MonkeyPatch) -> None:
    """Take an attempt in the row for a sign that the next one is queued."""
    later = service.later

    def trusting(retry: Retry, row: Delivery, *, redelivered: bool) -> Step:
        return later(retry, row, redelivered=False)

    patch.setattr(service, "later", trusting)


def noted_before_post(patch: pytest.MonkeyPatch) -> None:
    """Remember for all processes what is about to be told, so that its repetition counts as a duplicate."""
    interpret = Changes._interpret

    def early(self: Any, subjects: Any, settings: Any, result: Any, *, redelivered: bool) -> None:
        interpret(self, subjects, settings, result, redelivered=redelivered)
        self.sighting_rows.submit(list(result.sightings.items())).result()

    patch.setattr(Changes, "_interpret", early)


def in_hand_is_done(patch: pytest.MonkeyPatch) -> None:
    """Take an event in another thread's hand for a duplicate, though it may be this very message."""
    take = Changes._take
    patch.setattr(
        Changes, "_take", lambda self, identity, result, *, suspicious: take(self, identity, result, suspicious=False)
    )


def late_row_counts(patch: pytest.MonkeyPatch) -> None:
    """Let whoever writes last have the last word, unless it was delivered."""
    for module in (service, ground):
        patch.setattr(module, "overrules", lambda _state, known: known != DeliveryState.DELIVERED)


@pytest.mark.parametrize(
    ("mistake", "situation"),
    [
        (row_before_post, ONE_MAIL),
        (retry_before_row, ONE_MAIL),
        (retry_after_return, ONE_MAIL),
        (row_suppresses_retry, ONE_MAIL),
        (repeated_retry_is_dropped, LONG_DEAD),
        (noted_before_post, FLAGGED),
        (in_hand_is_done, ONE_PROCESS),
        (late_row_counts, DEAD),
    ],
)
def test_a_wrong_order_is_found_out(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None], situation: Situation
) -> None:
    """Each order that is known to lose events loses one within two faults, though none without any."""
    mistake(monkeypatch)
    report = searched(situation, faults=2)
    assert report.problem is not None, report
    assert "is lost" in report.problem
    assert searched(situation, faults=0).problem is None


# --- the search itself ---


def test_the_shortest_way_to_a_problem_is_told() -> None:
    """A search names the nearest problem and the steps that lead there."""
    report = explore(
        0, lambda at: [Move("one", at + 1), Move("two", at + 2)], lambda at, _: "Five is bad." if at == 5 else None
    )
    assert str(report).splitlines()[0].startswith("Five is bad.")
    assert len(report.trace) == 3


def test_what_never_ends_is_a_problem() -> None:
    """Where only a fault leads out of a circle, the search says so."""
    ways = {"start": [Move("in", "circle")], "circle": [Move("on", "circle"), Move("out", "end", fault=True)]}
    report = explore("start", lambda at: ways.get(at, []), lambda _at, _rest: None)
    assert report.problem == "From here nothing comes to an end."
