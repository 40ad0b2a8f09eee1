"""Logs: the GB that a month brings."""

from infra.costs.deployed import is_told_of
from infra.costs.inputs import Figures
from infra.costs.load import Load
from infra.costs.storage import vault_reads
from infra.costs.streams import DAYS, changes, events, posts, queued, retries, sweeps, timers

_GB = 1e9
_TEN_THOUSAND = 1e4


def event_lines(load: Load, figures: Figures) -> float:
    """Returns our lines of events: one a POST, a batch, an attempt."""
    attempts = events(load) + retries(load, figures).executions
    lines = posts(load, figures).executions * (figures.post_line_bytes.value + figures.line_envelope_bytes.value)
    lines += changes(load, figures).executions * (figures.batch_line_bytes.value + figures.line_envelope_bytes.value)
    lines += attempts * (figures.attempt_line_bytes.value + figures.line_envelope_bytes.value)
    return lines * load.sampling / 100 / _GB


def sweep_lines(load: Load, figures: Figures) -> float:
    """Returns our lines of sweeps."""
    a_line = figures.sweep_line_bytes.value + figures.line_envelope_bytes.value
    return sweeps(load) * a_line * load.sampling / 100 / _GB


def platform_lines(load: Load, figures: Figures) -> float:
    """Returns what the host records of each execution, sampled, and the vault of each read, which is not."""
    running = (posts(load, figures), *queued(load, figures), timers())
    told = figures.host_lines.value * figures.host_line_bytes.value
    recorded = sum(
        stream.executions * (figures.request_record_bytes.value + (told if is_told_of(stream.function) else 0))
        for stream in running
    )
    audited = vault_reads(load, figures) * _TEN_THOUSAND * figures.vault_audit_bytes.value
    return (recorded * load.sampling / 100 + audited) / _GB


def kept_lines(load: Load, figures: Figures) -> float:
    """Returns the GB-months of logs that are kept for longer than is free."""
    months = max(0.0, load.log_days - figures.free_log_days.value) / DAYS
    return months * (event_lines(load, figures) + sweep_lines(load, figures) + platform_lines(load, figures))
