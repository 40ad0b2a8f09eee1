"""
Logs: the GB that a month brings.

host.json's sampling lets an instance send so many items a second, whatever they are, but for types that it excludes.
https://learn.microsoft.com/azure/azure-functions/configure-monitoring#configure-sampling
"""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.costs.deployed import is_told_of, sampling
from infra.costs.inputs import Figures
from infra.costs.load import Load
from infra.costs.storage import vault_reads
from infra.costs.streams import DAYS, Stream, changes, events, jobs, posts, retries, sweeps, timers

_GB = 1e9
_TEN_THOUSAND = 1e4


@dataclass(frozen=True)
class _Told:
    """What a stream has told: bytes of our lines, of the host's, and of the records of its executions, a month."""

    ours: float
    platforms: float


def event_lines(load: Load, figures: Figures) -> float:
    """Returns our lines of events: one a POST, a batch, an attempt."""
    return sum(_told(stream, load, figures).ours for stream in _of_events(load, figures)) / _GB


def sweep_lines(load: Load, figures: Figures) -> float:
    """Returns our lines of sweeps."""
    return _told(jobs(load, figures), load, figures).ours / _GB


def platform_lines(load: Load, figures: Figures) -> float:
    """Returns what the host records of each execution, sampled, and the vault of each read, which is not."""
    running = (*_of_events(load, figures), jobs(load, figures), timers())
    recorded = sum(_told(stream, load, figures).platforms for stream in running)
    audited = vault_reads(load, figures) * _TEN_THOUSAND * figures.vault_audit_bytes.value
    return (recorded + audited) / _GB


def kept_lines(load: Load, figures: Figures) -> float:
    """Returns the GB-months of logs that are kept for longer than is free."""
    months = max(0.0, load.log_days - figures.free_log_days.value) / DAYS
    return months * (event_lines(load, figures) + sweep_lines(load, figures) + platform_lines(load, figures))


def _of_events(load: Load, figures: Figures) -> tuple[Stream, Stream, Stream]:
    return posts(load, figures), changes(load, figures), retries(load, figures)


def _told(stream: Stream, load: Load, figures: Figures) -> _Told:
    lines = list(_lines(stream, load, figures))
    number = sum(count for count, _ in lines)
    hosts = figures.host_lines.value * stream.executions if is_told_of(stream.function) else 0
    limit, excluded = sampling()
    sampled = (0 if "Trace" in excluded else number + hosts) + (0 if "Request" in excluded else stream.executions)
    sent = stream.share * DAYS * 86_400 * stream.instances(load, figures) * limit
    share = min(1, sent / sampled) if sampled else 1
    traces = (1 if "Trace" in excluded else share) * load.sampling / 100
    requests = (1 if "Request" in excluded else share) * load.sampling / 100
    return _Told(
        ours=traces * sum(count * (size + figures.line_envelope_bytes.value) for count, size in lines),
        platforms=traces * hosts * figures.host_line_bytes.value
        + requests * stream.executions * figures.request_record_bytes.value,
    )


def _lines(stream: Stream, load: Load, figures: Figures) -> Iterator[tuple[float, float]]:
    """Yields how many lines of ours there are a month in a stream, and their bytes."""
    match stream.function:
        case "notifications":
            yield stream.executions, figures.post_line_bytes.value
        case "changes":
            yield stream.executions, figures.batch_line_bytes.value
            yield events(load), figures.attempt_line_bytes.value
        case "retries":
            yield stream.executions, figures.attempt_line_bytes.value
        case "jobs":
            yield stream.executions, figures.sweeps_line_bytes.value
            yield sweeps(load) * figures.found_share.value, figures.look_line_bytes.value
