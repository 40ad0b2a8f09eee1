"""
Rates: how much there is a second in the busy hours, beside what stands in its way: `python -m infra.costs --rates`.

A deployment that comes near a limit is divided into cells.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.costs.inputs import Figure, Figures, Limits
from infra.costs.load import Load
from infra.costs.storage import event_requests, keeping_requests, queue_looks, queue_writes, sidecar_requests
from infra.costs.streams import DAYS, SECONDS, changes, events, jobs, payload, posts, renewals, retries, sweeps

_TEN_THOUSAND = 1e4


@dataclass(frozen=True)
class Rate:
    """So much a second, or so many, and the limit of it, if there is one."""

    what: str
    value: float
    unit: str
    limit: Figure | None = None

    @property
    def share(self) -> float | None:
        """Which part of the limit it is."""
        return self.value / self.limit.value if self.limit else None


def rates(load: Load, figures: Figures, limits: Limits) -> list[Rate]:
    """Returns the rates of one cell."""
    cell = load.of_a_cell()
    return [*_events(cell, figures, limits), *_keeping(cell, figures, limits), *_instances(cell, figures, limits)]


def _events(load: Load, figures: Figures, limits: Limits) -> Iterator[Rate]:
    told = _busy(events(load), figures)
    seen = _busy(load.by_graph * load.events * DAYS, figures)
    yield Rate("POSTs of Graph", posts(load, figures).rate, "/s")
    yield Rate("events", told, "/s")
    yield Rate("queue `changes`: messages", changes(load, figures).rate, "/s", limits.queue_messages)
    # The limit is of rows of 1 KiB.
    row = (figures.delivery_bytes.value + payload(load, figures)) / 1024
    yield Rate("table `deliveries`: KiB, one webhook's day", told * row, "/s", limits.partition_rows)
    yield Rate("table `sightings`: rows, one day", seen * figures.sighting_touches.value, "/s", limits.partition_rows)


def _keeping(load: Load, figures: Figures, limits: Limits) -> Iterator[Rate]:
    swept, renewed = sweeps(load) / SECONDS, renewals(load, figures) / SECONDS
    read = _busy(events(load), figures) / figures.reads_per_call.value
    spread = keeping_requests(load, figures) + sidecar_requests(load, figures) + queue_looks(load, figures)
    busy = event_requests(load, figures) + queue_writes(load, figures)
    storage = spread * _TEN_THOUSAND / SECONDS + _busy(busy * _TEN_THOUSAND, figures)
    # An entry is written once and removed once.
    yield Rate("table `due`: rows, one hour", 2 * (swept + renewed), "/s", limits.partition_rows)
    yield Rate("entries that the timer queues", swept + renewed, "/s", limits.tick_entries)
    yield Rate("queue `jobs`: messages", jobs(load, figures).rate, "/s", limits.queue_messages)
    yield Rate("requests to storage", storage, "/s", limits.storage_requests)
    yield Rate("calls to Graph", swept + renewed + read, "/s", limits.graph_calls)
    yield Rate("subscriptions renewed, if in one tenant", renewed, "/s", limits.tenant_writes)
    yield Rate("hours to register all, if in one tenant", load.by_graph / limits.tenant_writes.value / 3600, "h")
    grants = load.by_sidecar * figures.grant_reads_per_day.value / 86_400
    yield Rate("secrets of sign-ins read", grants, "/s", limits.vault_reads)
    yield Rate("replicas of the sidecar", load.sidecars, "", limits.replicas)


def _instances(load: Load, figures: Figures, limits: Limits) -> Iterator[Rate]:
    for stream in (posts(load, figures), changes(load, figures), retries(load, figures), jobs(load, figures)):
        number = stream.instances(load, figures)
        yield Rate(f"instances of `{stream.function}`", number, "", limits.instances)


def _busy(monthly: float, figures: Figures) -> float:
    """Returns how many a second there are of so many a month, in the busy hours."""
    return monthly / SECONDS * 24 / figures.busy_hours.value
