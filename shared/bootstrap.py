"""
The composition root: the one place that puts the product together.

Production and tests call the same functions. What stands behind each port is in `wiring/`, a system to a file, and is
imported where it is put together, because the notification endpoint must answer a cold start within Graph's 3 seconds
and needs a queue and nothing else: `ingress` is that small part, `build` the whole.
"""

# ruff: noqa: PLC0415  what is not needed is not imported; see above

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain.client_state import ClientStates
from shared.domain.errors import Misconfigured
from shared.services.crowds import Crowds
from shared.services.notifications import Notifications, gather
from shared.settings import OF_THE_APP, Settings, SettingsRefusedError, read
from shared.wiring.once import Once
from shared.wiring.replacements import NOTHING_REPLACED, Replacements

if TYPE_CHECKING:
    from shared.ports.machine import Clock, Log
    from shared.services.relay import Relay
    from shared.services.sidecar import Sidecar


@dataclass(frozen=True)
class Ingress:
    """What the notification endpoints need."""

    notifications: Notifications
    log: "Log"


@Once
def ingress() -> Ingress:
    """Returns the notification part for this process, made from the environment; raises Misconfigured."""
    return build_ingress(_settings())


@Once
def relay() -> "Relay":
    """Returns the product for this process, made from the environment; raises Misconfigured."""
    return build(_settings())


@Once
def sidecar() -> "Sidecar":
    """Returns the sidecar's part for this process, made from the environment; raises Misconfigured."""
    return build_sidecar(_settings(needed=()))


@Once
def log() -> "Log":
    """Returns the log of this process; where the settings are refused, the one that needs none."""
    from shared.adapters.log import JsonLog
    from shared.wiring.log import log_of

    try:
        return log_of(_settings())
    except Misconfigured:
        return JsonLog()


def build(settings: Settings, replaced: Replacements = NOTHING_REPLACED) -> "Relay":
    """Returns the whole product on *settings*, with the outside of *replaced* where it names any."""
    from shared.services.relay import assemble
    from shared.wiring.options import options_of
    from shared.wiring.outside import outside_of

    return assemble(outside_of(settings, replaced), options_of(settings))


def build_ingress(settings: Settings, *, clock: "Clock | None" = None, log: "Log | None" = None) -> Ingress:
    """Returns the notification part alone: no table, no vault, no Graph stands behind it."""
    from shared.adapters.storage.queues import StorageChangeQueue, StorageJobQueue
    from shared.wiring.log import log_of
    from shared.wiring.machine import machine_of
    from shared.wiring.storage import storage_of

    connection = storage_of(settings)
    machine = machine_of(log or log_of(settings), clock)
    notifications = Notifications(
        client_states=ClientStates(settings.client_state_key_map),
        changes=gather(StorageChangeQueue(connection)),
        jobs=StorageJobQueue(connection),
        crowds=Crowds(),
        machine=machine,
    )
    return Ingress(notifications=notifications, log=machine.log)


def build_sidecar(settings: Settings, replaced: Replacements = NOTHING_REPLACED) -> "Sidecar":
    """Returns the sidecar's part on *settings*, with the outside of *replaced* where it names any."""
    from shared.wiring.sidecar import sidecar_of

    return sidecar_of(settings, replaced)


def _settings(needed: Sequence[str] = OF_THE_APP) -> Settings:
    try:
        return read(needed)
    except SettingsRefusedError as refused:
        raise Misconfigured(str(refused)) from None
