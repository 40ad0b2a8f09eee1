"""The function app: executions, and the GB-seconds of what executes them, in a month."""

from infra.costs.inputs import Figures
from infra.costs.load import Load
from infra.costs.streams import SECONDS, posts, queued, timers


def waiting(load: Load, _figures: Figures) -> float:
    """Returns the GB-seconds of instances that are always ready."""
    return load.always_ready * SECONDS * load.gigabytes


def ready_execution(load: Load, figures: Figures) -> float:
    """Returns the GB-seconds in which they execute."""
    billed = posts(load, figures).billed_seconds(load, figures)
    return billed * _ready_share(load, figures) * load.gigabytes


def ready_executions(load: Load, figures: Figures) -> float:
    """Returns what they execute."""
    return posts(load, figures).executions * _ready_share(load, figures)


def demand_execution(load: Load, figures: Figures) -> float:
    """Returns the GB-seconds of all other instances."""
    others = (*queued(load, figures), timers())
    billed = sum(stream.billed_seconds(load, figures) for stream in others)
    billed += posts(load, figures).billed_seconds(load, figures) * (1 - _ready_share(load, figures))
    return billed * load.gigabytes


def demand_executions(load: Load, figures: Figures) -> float:
    """Returns what all other instances execute."""
    others = sum(stream.executions for stream in (*queued(load, figures), timers()))
    return others + posts(load, figures).executions * (1 - _ready_share(load, figures))


def _ready_share(load: Load, figures: Figures) -> float:
    return min(load.always_ready / posts(load, figures).instances(load, figures), 1)
