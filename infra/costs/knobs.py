"""Knobs: what a load would cost if one option were another: `python -m infra.costs --knobs`."""

from collections.abc import Iterator

from infra.costs.inputs import Figures, Prices
from infra.costs.load import Load
from infra.costs.model import bill

_KNOBS: tuple[dict[str, object], ...] = (
    {"memory": 512},
    {"sweep_minutes": 60},
    {"always_ready": 0},
    {"sampling": 10.0},
    {"replication": "LRS"},
    {"retention_days": 31},
    {"text": 20.0},
)


def knobs(load: Load, prices: Prices, figures: Figures) -> Iterator[tuple[str, float, float]]:
    """Returns each option, what a month costs with it, and what it saves."""
    now = _total(load, prices, figures)
    for knob in _KNOBS:
        then = _total(Load.model_validate({**load.model_dump(), **knob}), prices, figures)
        yield " ".join(f"--{name.replace('_', '-')} {value}" for name, value in knob.items()), then, now - then


def _total(load: Load, prices: Prices, figures: Figures) -> float:
    return sum(line.cost for line in bill(load, prices, figures))
