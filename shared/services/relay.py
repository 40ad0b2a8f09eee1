"""The relay: every use case, put together on one outside."""

from dataclasses import dataclass

from shared.ports.machine import Log
from shared.ports.outside import Outside
from shared.services.accounts import Accounts
from shared.services.assembly.api import assemble_api
from shared.services.assembly.events import assemble_events
from shared.services.assembly.mailboxes import assemble_mailboxes
from shared.services.assembly.memory import assemble_memory
from shared.services.assembly.options import Options
from shared.services.assembly.upkeep import assemble_upkeep
from shared.services.changes import Changes
from shared.services.deliveries import Deliveries
from shared.services.erasures import Erasures
from shared.services.expiries import Expiries
from shared.services.health import Health
from shared.services.instance_settings import InstanceSettingsService
from shared.services.jobs import Jobs
from shared.services.metrics import Metrics
from shared.services.oauth2 import OAuth2Apps
from shared.services.poison import Poison
from shared.services.registrations import Registrations
from shared.services.replays import Replays
from shared.services.retention import Purges
from shared.services.sign_ins import SignIns
from shared.services.timers import Timers
from shared.services.tokens import Tokens


@dataclass(frozen=True)
class Relay:
    """Every use case, ready to be called."""

    oauth2_apps: OAuth2Apps
    accounts: Accounts
    erasures: Erasures
    registrations: Registrations
    sign_ins: SignIns
    jobs: Jobs
    timers: Timers
    purges: Purges
    expiries: Expiries
    poison: Poison
    metrics: Metrics
    changes: Changes
    deliveries: Deliveries
    replays: Replays
    tokens: Tokens
    instance_settings: InstanceSettingsService
    health: Health
    log: Log


def assemble(outside: Outside, options: Options) -> Relay:
    """Returns the relay on *outside*; what its parts keep in memory, they share."""
    memory = assemble_memory(outside)
    events = assemble_events(outside, options, memory)
    mailboxes = assemble_mailboxes(outside, options, memory, settings=events.settings)
    api = assemble_api(outside, options, memory, events=events, mailboxes=mailboxes)
    upkeep = assemble_upkeep(outside, options, memory, events=events, mailboxes=mailboxes, api=api)
    return Relay(
        oauth2_apps=api.oauth2_apps,
        accounts=api.accounts,
        erasures=api.erasures,
        registrations=api.registrations,
        sign_ins=api.sign_ins,
        jobs=upkeep.jobs,
        timers=upkeep.timers,
        purges=upkeep.purges,
        expiries=api.expiries,
        poison=upkeep.poison,
        metrics=upkeep.metrics,
        changes=events.changes,
        deliveries=events.deliveries,
        replays=events.replays,
        tokens=api.tokens,
        instance_settings=events.settings,
        health=upkeep.health,
        log=outside.machine.log,
    )
