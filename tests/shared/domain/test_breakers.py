"""Breakers: when an endpoint is left alone, for how long, and what lets it be asked again."""

from datetime import timedelta

import pytest

from shared.domain.breakers import Breaker
from shared.domain.deliveries import Outcome
from tests.factories import an_outcome
from tests.fakes.clock import START

TAKEN = an_outcome(200)
FAILED = an_outcome(500)
UNCONNECTED = Outcome(error="connect_failed", milliseconds=1)
SECOND = timedelta(seconds=1)


def after(*outcomes: Outcome, apart: timedelta = SECOND) -> Breaker:
    """Return the breaker of an endpoint that answered so, from START on."""
    breaker = Breaker()
    for number, outcome in enumerate(outcomes):
        breaker = breaker.told(outcome, START + number * apart)
    return breaker


@pytest.mark.parametrize(
    ("outcomes", "apart", "opened"),
    [
        ([FAILED] * 9, SECOND, False),
        ([FAILED] * 10, SECOND, True),
        ([TAKEN] * 4 + [FAILED] * 9, SECOND, False),
        ([TAKEN] * 4 + [FAILED] * 10, SECOND, True),
        ([FAILED] * 20, 40 * SECOND, False),
        ([UNCONNECTED] * 4, SECOND, False),
        ([UNCONNECTED] * 5, SECOND, True),
        ([UNCONNECTED] * 5, 3600 * SECOND, True),
        ([UNCONNECTED] * 4 + [FAILED, UNCONNECTED], SECOND, False),
        ([an_outcome(400), an_outcome(413), an_outcome(422)] * 10, SECOND, False),
    ],
)
def test_enough_failures_open_it(outcomes: list[Outcome], apart: timedelta, *, opened: bool) -> None:
    """Seven in ten of 10 or more results within 5 minutes open it, or 5 in a row that nobody took."""
    assert (after(*outcomes, apart=apart).until is not None) is opened


def test_an_open_one_lets_nobody_through_for_a_while() -> None:
    """For 30 seconds everybody waits for the rest of them; then one may post, and the others ask again soon."""
    breaker = after(*[UNCONNECTED] * 5)
    opened = START + 4 * SECOND
    assert breaker.asked(opened + 10 * SECOND)[1] == 20 * SECOND
    probed, wait = breaker.asked(opened + 30 * SECOND)
    assert wait is None
    assert probed.asked(opened + 31 * SECOND)[1] == 5 * SECOND
    assert probed.asked(opened + 90 * SECOND)[1] is None


def test_a_failed_probe_doubles_the_time_up_to_a_quarter_of_an_hour() -> None:
    """Each probe that fails opens it for twice as long, at most for 15 minutes."""
    breaker, now, waits = after(*[UNCONNECTED] * 5), START + 4 * SECOND, []
    for _ in range(7):
        _, wait = breaker.asked(now)
        assert wait is not None
        waits.append(wait.total_seconds())
        now += wait
        breaker, _ = breaker.asked(now)
        breaker = breaker.told(FAILED, now)
    assert waits == [30, 60, 120, 240, 480, 900, 900]


@pytest.mark.parametrize("outcome", [TAKEN, an_outcome(422)])
def test_a_probe_that_is_answered_closes_it(outcome: Outcome) -> None:
    """An endpoint that takes the probe, or refuses that one message, is well."""
    probed, _ = after(*[UNCONNECTED] * 5).asked(START + 60 * SECOND)
    assert probed.told(outcome, START + 61 * SECOND) == Breaker()


def test_what_was_on_its_way_changes_nothing() -> None:
    """Results that come in while it is open are of POSTs made before."""
    opened = after(*[UNCONNECTED] * 5)
    assert opened.told(TAKEN, START + 5 * SECOND) == opened
    assert opened.told(FAILED, START + 5 * SECOND) == opened


def test_a_probe_that_was_not_made_is_free_again() -> None:
    """Where the POST that was let through found no lane, the next one may be the probe at once."""
    probed, _ = after(*[UNCONNECTED] * 5).asked(START + 60 * SECOND)
    assert probed.unasked(START + 60 * SECOND).asked(START + 60 * SECOND)[1] is None
    assert Breaker().unasked(START) == Breaker()
