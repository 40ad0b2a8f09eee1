"""Rate limits: windows by the clock, and never more than there is."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.rate_limits import NewRateLimit, RateLimit, RequestCount
from tests.fakes.clock import START


@given(st.integers(1, 500), st.lists(st.integers(1, 60), max_size=80))
def test_no_more_is_taken_than_the_limit(most: int, wants: list[int]) -> None:
    """However much is asked for at once, a window gives what the limit says in all, and its last one by one."""
    limit, count, given_out = RateLimit(max_requests=most, time_window=60), RequestCount(), 0
    for want in [*wants, *[1] * most]:
        count, granted = count.take(limit, window=7, want=want)
        assert granted <= want
        given_out += granted
    assert given_out == count.taken == most


@pytest.mark.parametrize(
    ("seconds", "window", "granted"),
    [(60, 6, 0), (60, 7, 0), (60, 8, 1), (60, 5, 1), (1, 2, 0), (1, 1, 1), (2, 4, 0), (2, 3, 1)],
)
def test_a_window_begins_anew(seconds: int, window: int, granted: int) -> None:
    """What was taken counts in its own window, and for whoever is a window or five seconds behind, not further."""
    limit, spent = RateLimit(max_requests=3, time_window=seconds), RequestCount(window=7, taken=3)
    assert spent.take(limit, window=window, want=1)[1] == granted


def test_a_window_ends_by_the_clock() -> None:
    """A window lasts until the clock says a multiple of its length; the last second is told as one."""
    limit = RateLimit(max_requests=3, time_window=60)
    moment = START.replace(second=18, microsecond=500_000)
    window = limit.window_of(moment)
    assert limit.window_of(moment + timedelta(seconds=42)) == window + 1
    assert limit.seconds_left(window, moment) == 42
    assert limit.seconds_left(window, moment + timedelta(seconds=41.4)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"maxRequests": 0, "timeWindow": 60},
        {"maxRequests": 1, "timeWindow": 0},
        {"maxRequests": 1, "timeWindow": 31 * 86_400 + 1},
        {"maxRequests": 1.5, "timeWindow": 60},
        {"maxRequests": float("inf"), "timeWindow": 60},
        {"maxRequests": 1},
    ],
)
def test_what_a_rate_limit_cannot_be(wrong: dict[str, object]) -> None:
    """Both numbers are needed, whole, and at least 1; a window is a month at most."""
    with pytest.raises(ValidationError):
        NewRateLimit.model_validate(wrong)
