"""Quotas as values: what fits a window, and who comes up when."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.quotas import LIMITS, WINDOW, CallKind, Limit, QuotaUse, beginning_of, window_of

LIMIT = Limit(in_tenant=8, over_all=12)
GRAPH_WINDOW = timedelta(seconds=20)
# https://learn.microsoft.com/graph/throttling-limits
DOCUMENTED = {CallKind.WRITE: (500, 2000), CallKind.READ: (500, 2000), CallKind.LIST: (25, 40)}


def test_any_twenty_seconds_stay_below_what_graph_allows() -> None:
    """The windows that 20 seconds can touch hold a tenth less than Graph's quotas, in a tenant and over all."""
    touched = GRAPH_WINDOW // WINDOW + 1
    for kind, (in_tenant, over_all) in DOCUMENTED.items():
        assert LIMITS[kind].in_tenant * touched <= in_tenant * 0.9
        assert LIMITS[kind].over_all * touched <= over_all * 0.9


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 25), st.integers(0, 3)), max_size=60))
def test_no_window_is_overdrawn(takes: list[tuple[str, int, int]]) -> None:
    """However much is asked for, for whichever tenant and window, no window gives more than its limits."""
    use = QuotaUse()
    for tenant, want, window in takes:
        use, granted = use.take(tenant, LIMIT, window=window, want=want)
        assert 0 <= granted <= want
        assert max(use.used.values()) <= LIMIT.in_tenant
        assert sum(use.used.values()) <= LIMIT.over_all


def test_what_is_left_is_shared() -> None:
    """Nobody takes more than a quarter of what is left, and the last one is given too."""
    use, blocks = QuotaUse(), []
    while not blocks or blocks[-1]:
        use, granted = use.take("a", LIMIT, window=1, want=25)
        blocks.append(granted)
    assert blocks == [2, 2, 1, 1, 1, 1, 0]


def test_a_clock_that_is_behind_counts_with_the_others() -> None:
    """A window that is over is not opened again: what is taken late is of the window that others are in."""
    use, _ = QuotaUse().take("a", LIMIT, window=5, want=1)
    use, _ = use.take("a", LIMIT, window=4, want=1)
    assert (use.window, use.used) == (5, {"a": 2})


def test_a_line_moves_on_by_the_limit() -> None:
    """Places follow each other from the next window on, a window's worth in each, and a line that is over is gone."""
    use, first = QuotaUse().queue("a", LIMIT, window=1, want=10)
    use, second = use.queue("a", LIMIT, window=1, want=3)
    assert [place // LIMIT.in_tenant for place in (first, first + 7, first + 8, second + 2)] == [2, 2, 3, 3]
    assert use.queue("b", LIMIT, window=1, want=1)[1] // LIMIT.in_tenant == 2
    assert use.queue("a", LIMIT, window=9, want=1)[1] // LIMIT.in_tenant == 10


def test_windows_are_everybodys() -> None:
    """A moment's window is the same in every process."""
    moment = datetime(2026, 3, 2, 9, 30, 7, tzinfo=UTC)
    assert beginning_of(window_of(moment)) == moment - timedelta(seconds=2)
