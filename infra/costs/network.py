"""The network: GB, and hours of what is paid by the hour, in a month."""

from infra.costs.inputs import Figures
from infra.costs.load import Load
from infra.costs.streams import SECONDS, events, payload, retries

_GB = 1e9
_HOURS = SECONDS / 3600


def posted(load: Load, figures: Figures) -> float:
    """Returns the GB that are posted to webhooks, and so leave Azure."""
    attempts = events(load) + retries(load, figures).executions
    return attempts * (payload(load, figures) + figures.request_bytes.value) / _GB


def endpoint_hours(load: Load, figures: Figures) -> float:
    """Returns the hours of private endpoints."""
    return _endpoints(load, figures) * _HOURS


def endpoint_data(load: Load, figures: Figures) -> float:
    """Returns the GB through private endpoints: each event's bytes once to storage, beside small things."""
    return posted(load, figures) if load.private else 0


def zones(load: Load, figures: Figures) -> float:
    """Returns the private zones: of each endpoint, and of the sidecar."""
    return _endpoints(load, figures) + (1 if load.sidecars else 0)


def environment_hours(load: Load, _figures: Figures) -> float:
    """Returns the hours of the load balancer and the address that Container Apps adds for the sidecar."""
    # https://learn.microsoft.com/azure/container-apps/custom-virtual-networks#managed-resources
    return _HOURS if load.sidecars else 0


def nat_hours(load: Load, _figures: Figures) -> float:
    """Returns the hours of a NAT gateway, and of its address."""
    return _HOURS if load.nat else 0


def nat_data(load: Load, figures: Figures) -> float:
    """Returns the GB through it."""
    return posted(load, figures) if load.nat else 0


def _endpoints(load: Load, figures: Figures) -> float:
    return figures.private_parts.value + (1 if load.sidecars else 0) if load.private else 0
