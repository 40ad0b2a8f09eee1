"""Knobs: what an option saves."""

import pytest

from infra.costs.__main__ import main
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


def test_a_knob_is_an_option() -> None:
    """What the table shows can be typed: the command takes each as it stands there."""
    for knob, _, _ in knobs(Load(), prices(), figures()):
        assert main(knob.split()) == 0, knob
