"""Storage and vault: tens of thousands of requests, and GB, in a month."""

from infra.costs.inputs import Figures
from infra.costs.load import Load
from infra.costs.streams import DAYS, SECONDS, changes, events, payload, queued, renewals, retries, sweeps

_GB = 1e9
_TEN_THOUSAND = 1e4


def queue_writes(load: Load, figures: Figures) -> float:
    """Returns the puts and deletions: one of each for every message."""
    return 2 * sum(stream.executions for stream in queued(load, figures)) / _TEN_THOUSAND


def queue_looks(load: Load, figures: Figures) -> float:
    """Returns the looks at queues: one that finds a message each, the idle ones of instances, and the platform's."""
    taking = queued(load, figures)
    found = sum(stream.executions for stream in taking)
    idle = sum(stream.alive_seconds(load, figures) for stream in taking) * figures.polls_per_second.value
    watched = len(taking) * SECONDS * figures.scale_polls_per_second.value
    return (found + idle + watched) / _TEN_THOUSAND


def event_requests(load: Load, figures: Figures) -> float:
    """Returns the table requests of events, of which those of a message share some, and of later looks at sightings."""
    alone = events(load) * figures.event_requests.value
    shared = changes(load, figures).executions * figures.message_requests.value
    again = retries(load, figures).executions * figures.retry_requests.value
    looks = load.by_graph * load.events * DAYS * max(0, figures.sighting_touches.value - 1)
    return (alone + shared + again + looks) / _TEN_THOUSAND


def keeping_requests(load: Load, figures: Figures) -> float:
    """Returns the table requests of sweeps, renewals and the timer."""
    of_sweeps = sweeps(load) * figures.sweep_requests.value
    of_renewals = renewals(load, figures) * figures.renewal_requests.value
    ticks = DAYS * 1440 / figures.tick_minutes.value * figures.tick_requests.value
    return (of_sweeps + of_renewals + ticks) / _TEN_THOUSAND


def sidecar_requests(load: Load, figures: Figures) -> float:
    """Returns the table requests of the sidecar: its beats, and the mirrors that it saves."""
    beats = load.sidecars * SECONDS / figures.beat_seconds.value * figures.beat_requests.value
    mirrors = load.by_sidecar * load.events * DAYS * figures.mirror_requests.value
    return (beats + mirrors) / _TEN_THOUSAND


def stored(load: Load, figures: Figures) -> float:
    """Returns the GB in tables once the first month has been dropped: whole months go, payloads with their rows."""
    days = load.retention_days + figures.leeway_days.value + figures.month_end_days.value
    an_event = figures.delivery_bytes.value + payload(load, figures)
    told = load.accounts * load.events * days * an_event
    sighted = load.by_graph * load.events * days * figures.sighting_bytes.value
    return (told + sighted + load.accounts * figures.account_bytes.value) / _GB


def vault_reads(load: Load, figures: Figures) -> float:
    """Returns how often a secret is read: by each instance while it lives, and by the sidecar for each sign-in."""
    alive = sum(stream.alive_seconds(load, figures) for stream in queued(load, figures))
    by_instances = alive / (figures.secret_minutes.value * 60) * figures.secrets_per_instance.value
    by_sidecar = load.by_sidecar * DAYS * figures.grant_reads_per_day.value
    return (by_instances + by_sidecar) / _TEN_THOUSAND
