"""What the clock and the queues keep going: jobs, the timer that makes them, the night's purge, figures and health."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.domain.due import Heartbeat
from shared.ports.outside import Outside
from shared.ports.state import DueStore
from shared.services.assembly.api import Api
from shared.services.assembly.events import Events
from shared.services.assembly.mailboxes import Mailboxes
from shared.services.assembly.memory import RECORD_TTL, Memory
from shared.services.assembly.options import Options
from shared.services.health import Health
from shared.services.jobs import Jobs
from shared.services.leftovers import Leftovers
from shared.services.lookups import Lookup
from shared.services.metrics import Metrics
from shared.services.poison import Poison
from shared.services.retention import Purges
from shared.services.timers import NEVER, Timers


@dataclass(frozen=True)
class Upkeep:
    """What nobody asks for, and everybody would miss."""

    timers: Timers
    jobs: Jobs
    purges: Purges
    poison: Poison
    metrics: Metrics
    health: Health


def assemble_upkeep(
    outside: Outside, options: Options, memory: Memory, *, events: Events, mailboxes: Mailboxes, api: Api
) -> Upkeep:
    """Returns what keeps the rest going."""
    machine = outside.machine
    timers = Timers(
        due=outside.due,
        jobs=outside.jobs,
        heartbeat=Lookup(_heartbeat(outside.due), machine.clock, RECORD_TTL),
        machine=machine,
        spread=options.tick_spread,
    )
    jobs = Jobs(
        accounts=outside.accounts,
        account_lookup=memory.accounts,
        connections=mailboxes.connections,
        watching=mailboxes.watching,
        renewals=mailboxes.renewals,
        relocations=mailboxes.relocations,
        sweeps=mailboxes.sweeps,
        removals=api.removals,
        replays=events.replays,
        expiries=api.expiries,
        erasures=api.erasures,
        timers=timers,
        queue=outside.jobs,
        machine=machine,
    )
    leftovers = Leftovers(outside.flows, outside.grants, outside.accounts, mailboxes.grants, machine)
    metrics = Metrics(
        ledger=outside.ledger,
        queues=outside.queue_gauge,
        poison=outside.poison,
        accounts=outside.accounts,
        apps=outside.apps,
        timers=timers,
        machine=machine,
    )
    return Upkeep(
        timers=timers,
        jobs=jobs,
        purges=Purges(outside.retention, events.settings, api.oauth2_apps, leftovers, machine, kept=options.retention),
        poison=Poison(outside.given_up, outside.poison, machine),
        metrics=metrics,
        health=Health(outside.dependencies, timers, machine.log),
    )


def _heartbeat(store: DueStore) -> Callable[[str], Heartbeat]:
    def find(_: str) -> Heartbeat:
        stored = store.heartbeat()
        return stored.value if stored else NEVER

    return find
