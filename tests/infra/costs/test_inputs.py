"""The inputs: each has a source, and what the code says too is what it says."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.costs.inputs import Prices, figures, limits, prices
from infra.costs.model import _ITEMS
from shared.adapters import secret_cache
from shared.domain import grants, quotas, retention
from shared.services import notifications, timers


def test_every_price_is_known() -> None:
    """Each line's price stands in prices.json, and no other does."""
    named = {price.format(replication=copies) for *_, price in _ITEMS for copies in ("lrs", "zrs")}
    assert set(prices().prices) == named | {f"alert_{minutes}_minutes" for minutes in (5, 10, 15)}


def test_a_price_without_a_source_is_refused(root: Path) -> None:
    """A price needs a page of Microsoft's, a unit, and how sure it is."""
    told = json.loads((root / "infra" / "costs" / "prices.json").read_text())
    for field in ("source", "unit", "confidence"):
        broken = {**told, "prices": {"vault": {k: v for k, v in told["prices"]["vault"].items() if k != field}}}
        with pytest.raises(ValidationError, match=field):
            Prices.model_validate(broken)


def test_every_figure_says_where_it_comes_from() -> None:
    """No figure is without a source."""
    assert [name for name, figure in figures() if not figure.source] == []


def test_constants_are_the_code_s(root: Path) -> None:
    """What figures.json calls the code's own is what the code does."""
    known = figures()
    queues = json.loads((root / "host.json").read_text())["extensions"]["queues"]
    assert known.jobs_per_message.value == timers.TOGETHER
    assert known.gathering_seconds.value == notifications._PACE
    assert timedelta(minutes=known.secret_minutes.value) == secret_cache._FRESH
    assert timedelta(days=known.leeway_days.value) == retention.LEEWAY
    assert known.messages_at_a_time.value == queues["batchSize"] + queues["newBatchThreshold"]
    assert limits().replicas.value == grants.SHARDS
    assert (
        limits().tenant_writes.value * quotas.WINDOW.total_seconds() == quotas.LIMITS[quotas.CallKind.WRITE].in_tenant
    )
    assert queues["maxPollingInterval"] == f"00:00:{1 / known.polls_per_second.value:02.0f}"
