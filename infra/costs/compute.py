"""The function app: executions, and the GB-seconds of what executes them, in a month."""

from collections.abc import Iterator

from infra.costs.inputs import Figures
from infra.costs.load import Load
from infra.costs.streams import SECONDS, Stream, changes, jobs, posts, retries, timers


def waiting(load: Load, _figures: Figures) -> float:
    """Returns the GB-seconds of instances that are always ready."""
    return (load.always_ready + load.always_ready_changes) * SECONDS * load.gigabytes


def ready_execution(load: Load, figures: Figures) -> float:
    """Returns the GB-seconds in which they execute."""
    return (
        sum(stream.billed_seconds(load, figures) * share for stream, share in _shares(load, figures)) * load.gigabytes
    )


def ready_executions(load: Load, figures: Figures) -> float:
    """Returns what they execute."""
    return sum(stream.executions * share for stream, share in _shares(load, figures))


def demand_execution(load: Load, figures: Figures) -> float:
    """Returns the GB-seconds of all other instances."""
    billed = sum(stream.billed_seconds(load, figures) * (1 - share) for stream, share in _shares(load, figures))
    return billed * load.gigabytes


def demand_executions(load: Load, figures: Figures) -> float:
    """Returns what all other instances execute."""
    return sum(stream.executions * (1 - share) for stream, share in _shares(load, figures))


def _shares(load: Load, figures: Figures) -> Iterator[tuple[Stream, float]]:
    """Yields each stream with the share of it that instances take which are always ready."""
    for stream, ready in (
        (posts(load, figures), load.always_ready),
        (changes(load, figures), load.always_ready_changes),
        (retries(load, figures), 0),
        (jobs(load, figures), 0),
        (timers(), 0),
    ):
        yield stream, min(ready / stream.instances(load, figures), 1)
