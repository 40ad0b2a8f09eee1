"""Who is told of every unit of work: the process's output, its counts, and a collector where there is one."""

import atexit
from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

from shared.adapters.log import JsonLog, Tee
from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.metrics import MetricsTable
from shared.adapters.system import SystemClock, SystemRandomness
from shared.adapters.tally import TallyLog
from shared.domain.tallies import Role
from shared.ports.machine import Log
from shared.settings import Settings
from shared.wiring.storage import storage_of
from shared.wiring.user_agent import USER_AGENT

if TYPE_CHECKING:
    from shared.adapters.telemetry.collector import Collector

_ONE_AT_A_TIME = Lock()


def log_of(settings: Settings, role: Role = Role.APP) -> Log:
    """Returns who is told of every unit of work."""
    return Tee([JsonLog(), tally_of(storage_of(settings), role), *_telemetry(settings)])


def tally_of(connection: StorageConnection, role: Role) -> TallyLog:
    """Returns the one that counts for this process, whichever of its parts asks; at its end it writes a last time."""
    with _ONE_AT_A_TIME:
        return _tally(connection, role)


@cache
def _tally(connection: StorageConnection, role: Role) -> TallyLog:
    clock = SystemClock()
    counting = TallyLog(MetricsTable(connection), clock, SystemRandomness(clock), role)
    atexit.register(counting.close)
    return counting


def _telemetry(settings: Settings) -> Sequence[Log]:
    """Returns the way to the collector, where the settings name one; the process has one, however many parts log."""
    if settings.otel_exporter_otlp_endpoint is None:
        return []
    headers = tuple(settings.collector_headers.items())
    return [_exporter(settings.otel_exporter_otlp_endpoint, headers, settings.otel_service_name)]


@cache
def _exporter(endpoint: str, headers: tuple[tuple[str, str], ...], service: str) -> Log:
    from shared.adapters.telemetry.telemetry import Telemetry  # noqa: PLC0415  nobody pays who did not ask for it

    def connect() -> "Collector":
        # In the telemetry's own thread: no request waits for the HTTP library.
        from shared.adapters.telemetry.collector import Collector  # noqa: PLC0415  see the line above

        sent = {"User-Agent": USER_AGENT, **dict(headers)}
        return Collector(endpoint, sent, {"service.name": service, "service.instance.id": uuid4().hex})

    return Telemetry(connect, SystemClock(), JsonLog())
