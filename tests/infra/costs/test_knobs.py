"""Knobs: what an option saves."""

import pytest

from infra.costs.inputs import figures, prices
from infra.costs.knobs import knobs
from infra.costs.load import Load
from infra.costs.model import bill


def test_a_knob_saves_the_difference_of_two_bills() -> None:
    """What an option saves is what the bill without it is dearer."""
    load = Load(accounts=10_000)
    now = sum(line.cost for line in bill(load, prices(), figures()))
    small = sum(line.cost for line in bill(Load(accounts=10_000, memory=512), prices(), figures()))
    told = {knob: (then, saved) for knob, then, saved in knobs(load, prices(), figures())}
    assert told["--memory 512"] == pytest.approx((small, now - small))
    assert "--sweep-minutes 60" in told
