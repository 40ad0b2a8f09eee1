"""The sidecar: what its replicas take in a month, and how many mailboxes they hold."""

from infra.costs.inputs import Figures
from infra.costs.load import Load
from infra.costs.streams import DAYS, SECONDS


def processors(load: Load, _figures: Figures) -> float:
    """Returns the processor-seconds of its replicas."""
    return load.sidecars * load.sidecar_cpu * SECONDS


def memory(load: Load, _figures: Figures) -> float:
    """Returns the GiB-seconds of its replicas."""
    return load.sidecars * load.sidecar_memory * SECONDS


def small_registry(load: Load, _figures: Figures) -> float:
    """Returns the days of a registry."""
    return DAYS if load.sidecars and not load.private else 0


def large_registry(load: Load, _figures: Figures) -> float:
    """Returns the days of a registry that has a private endpoint."""
    return DAYS if load.sidecars and load.private else 0


def room(load: Load, figures: Figures) -> float:
    """Returns how many mailboxes fit the replicas."""
    usable = load.sidecar_memory * 2**20 * figures.sidecar_memory_use.value
    of_mailboxes = usable - figures.replica_megabytes.value * 1024
    of_messages = figures.mailbox_messages.value * figures.message_bytes.value / 1024
    return load.sidecars * max(0.0, of_mailboxes / (figures.mailbox_kilobytes.value + of_messages))
