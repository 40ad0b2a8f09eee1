"""Rates: what there is a second, beside its limit."""

from collections.abc import Callable

import pytest

from infra.costs.inputs import Figures, figures, limits
from infra.costs.load import Load
from infra.costs.rates import Rate, rates


def by_name(load: Load, known: Figures) -> dict[str, Rate]:
    """Return the rates of a load by what they are."""
    return {rate.what: rate for rate in rates(load, known, limits())}


def test_rates_are_what_a_hand_computes(with_values: Callable[..., Figures]) -> None:
    """360,000 mailboxes with 20 events in 10 hours have 200 a second, and are looked at 300 times a second."""
    known = with_values(
        busy_hours=10, notifications_per_event=2, notifications_per_post=1, sighting_touches=3, renewal_days=5,
        delivery_bytes=1024, payload_bytes=1024,
    )  # fmt: skip
    found = by_name(Load(accounts=360_000, delegated=0.25, sidecars=40, events=20, text=1.024, sweep_minutes=15), known)
    renewed = 270_000 / (5 * 86_400)
    assert found["events"].value == pytest.approx(200)
    assert found["table `deliveries`: KiB, one webhook's day"].value == pytest.approx(200 * 3)
    assert found["POSTs of Graph"].value == pytest.approx(0.75 * 200 * 2)
    assert found["table `sightings`: rows, one day"].value == pytest.approx(0.75 * 200 * 3)
    assert found["table `due`: rows, one hour"].value == pytest.approx(2 * (300 + renewed))
    assert found["calls to Graph"].value == pytest.approx(300 + renewed + 200)
    assert found["hours to register all, if in one tenant"].value == pytest.approx(270_000 / 18 / 3600)
    assert found["secrets of sign-ins read"].value == pytest.approx(90_000 / 3600)
    assert found["replicas of the sidecar"].share == pytest.approx(40 / 64)


def test_cells_share_the_rates() -> None:
    """Each of ten cells has a tenth of what one deployment would have."""
    one, ten = (by_name(Load(accounts=100_000, cells=cells), figures()) for cells in (1, 10))
    assert ten["events"].value == pytest.approx(one["events"].value / 10)
