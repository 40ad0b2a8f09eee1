"""The model: a load becomes priced lines, each of which tells what it stands on."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.costs import compute, logs, network, sidecar, storage
from infra.costs.deployed import alerts
from infra.costs.inputs import Figures, Noting, Prices
from infra.costs.load import Load

_PARTS = ("function app", "storage", "vault", "logs", "sidecar", "network")

Quantity = Callable[[Load, Figures], float]


@dataclass(frozen=True)
class Line:
    """One line of the bill: so much of what has this price, of which some is free."""

    part: str
    what: str
    quantity: float
    price: str
    stands_on: tuple[str, ...]
    free: float = 0
    cost: float = 0


class TooFull(ValueError):
    """The sidecar's replicas do not hold the mailboxes."""


_ITEMS: tuple[tuple[str, str, Quantity, str], ...] = (
    ("function app", "always ready: waiting", compute.waiting, "ready_baseline"),
    ("function app", "always ready: executing", compute.ready_execution, "ready_execution"),
    ("function app", "always ready: executions", compute.ready_executions, "ready_executions"),
    ("function app", "on demand: executing", compute.demand_execution, "demand_execution"),
    ("function app", "on demand: executions", compute.demand_executions, "demand_executions"),
    ("storage", "queues: puts, deletions", storage.queue_writes, "queue_class_1"),
    ("storage", "queues: looks", storage.queue_looks, "queue_class_2"),
    ("storage", "tables: events", storage.event_requests, "table_requests"),
    ("storage", "tables: sweeps, renewals, timer", storage.keeping_requests, "table_requests"),
    ("storage", "tables: sidecar", storage.sidecar_requests, "table_requests"),
    ("storage", "tables: kept", storage.stored, "table_{replication}"),
    ("vault", "secrets read", storage.vault_reads, "vault"),
    ("logs", "our lines of events", logs.event_lines, "logs"),
    ("logs", "our lines of sweeps", logs.sweep_lines, "logs"),
    ("logs", "the platform's records", logs.platform_lines, "logs"),
    ("logs", "kept longer than is free", logs.kept_lines, "logs_kept"),
    ("sidecar", "processors", sidecar.processors, "container_processors"),
    ("sidecar", "memory", sidecar.memory, "container_memory"),
    ("sidecar", "registry", sidecar.small_registry, "registry_basic"),
    ("sidecar", "registry, private", sidecar.large_registry, "registry_premium"),
    ("network", "posted to webhooks", network.posted, "egress"),
    ("network", "private endpoints", network.endpoint_hours, "private_endpoint"),
    ("network", "through private endpoints", network.endpoint_data, "private_data"),
    ("network", "private zones", network.zones, "private_zone"),
    ("network", "the sidecar's load balancer", network.environment_hours, "balancer"),
    ("network", "the sidecar's address", network.environment_hours, "address"),
    ("network", "NAT gateway", network.nat_hours, "nat"),
    ("network", "its address", network.nat_hours, "address"),
    ("network", "through the NAT gateway", network.nat_data, "nat_data"),
)


def bill(load: Load, prices: Prices, figures: Figures) -> list[Line]:
    """Returns the lines of all cells together; what is free is so once. Raises TooFull."""
    cell = load.of_a_cell()
    fitting = sidecar.room(cell, figures)
    if cell.by_sidecar > fitting:
        raise TooFull(
            f"--sidecars: {cell.by_sidecar:,.0f} mailboxes of users who sign in do not fit {cell.sidecars} "
            f"replica(s) of {cell.sidecar_memory:g} GiB, which hold {fitting:,.0f}"
        )
    lines = sorted(_lines(cell, load.cells, figures), key=lambda line: _PARTS.index(line.part))
    return _priced([line for line in lines if line.quantity], prices)


def _lines(cell: Load, cells: int, figures: Figures) -> Iterator[Line]:
    for part, what, quantity, price in _ITEMS:
        noting = Noting.model_construct(**dict(figures))
        amount = quantity(cell, noting) * cells
        yield Line(part, what, amount, price.format(replication=cell.replication.lower()), noting.read)
    # A rule is priced by how often it looks.
    # https://azure.microsoft.com/pricing/details/monitor/
    for minutes, number in alerts().items():
        yield Line("logs", f"alerts, {minutes} minutes apart", number * cells, f"alert_{minutes}_minutes", ())


def _priced(lines: list[Line], prices: Prices) -> list[Line]:
    """Returns the lines with their costs; lines of one price share what is free of it."""
    totals: defaultdict[str, float] = defaultdict(float)
    for line in lines:
        totals[line.price] += line.quantity
    priced = []
    for line in lines:
        price = prices[line.price]
        free = min(1, price.free / totals[line.price]) * line.quantity
        cost = (line.quantity - free) * price.value
        priced.append(Line(line.part, line.what, line.quantity, line.price, line.stands_on, free, cost))
    return priced
