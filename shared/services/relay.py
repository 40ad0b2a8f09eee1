"""The relay: every use case, put together on one outside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.client_state import ClientStates
from shared.domain.crowds import Crowds
from shared.domain.deliveries import Delivery
from shared.domain.due import Due, Heartbeat
from shared.domain.instance_settings import InstanceSettings
from shared.domain.retention import LEEWAY
from shared.domain.sightings import Sighting, SightingKey
from shared.group_commit import GroupCommit
from shared.ports.deliveries import DeliveryStore
from shared.ports.machine import Log
from shared.ports.microsoft365 import EndpointProbe
from shared.ports.outside import Outside
from shared.ports.state import DueStore, InstanceSettingsStore, SightingStore
from shared.services.accounts import Accounts
from shared.services.backends import RoutedMailboxes
from shared.services.changes import Changes
from shared.services.connections import Connections
from shared.services.deliveries import Deliveries
from shared.services.endpoints import Endpoints
from shared.services.erasures import Erasures
from shared.services.expiries import Expiries
from shared.services.folders import Folders
from shared.services.grants import Grants
from shared.services.health import Health
from shared.services.instance_settings import InstanceSettingsService
from shared.services.jobs import Jobs
from shared.services.leftovers import Leftovers
from shared.services.lookups import Lookup
from shared.services.metrics import Metrics
from shared.services.oauth2 import OAuth2Apps
from shared.services.permits import Permits
from shared.services.poison import Poison
from shared.services.quotas import Quotas
from shared.services.readings import Readings
from shared.services.recent import RecentEvents
from shared.services.registrations import Registrations
from shared.services.relocations import Relocations
from shared.services.removals import Removals
from shared.services.renewals import Renewals
from shared.services.replays import Replays
from shared.services.retention import Purges
from shared.services.sign_ins import SignIns
from shared.services.standings import Standings, announcing
from shared.services.sweeps import Sweeps
from shared.services.timers import NEVER, Timers
from shared.services.tokens import Tokens
from shared.services.watching import Watching

# How stale another process's word may be. Settings take effect quickly; accounts and folders hardly change.
_SETTINGS_TTL = timedelta(seconds=10)
_RECORD_TTL = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Options:
    """
    What an operator chooses.

    `read_pace` and `row_pace` are how many seconds a read and a row may wait for company under load.
    """

    client_states: ClientStates
    first_tokens: tuple[str, ...]
    public_url: str | None
    allow_http: bool
    schedule: tuple[timedelta, ...]
    payload_retention: timedelta
    retention: timedelta
    sweep_interval: timedelta
    poll_interval: timedelta
    watched_folders: tuple[str, ...]
    tick_spread: timedelta = timedelta(minutes=3)
    read_pace: float = 0.0
    row_pace: float = 0.0


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
    clock, randomness, log = outside.clock, outside.randomness, outside.log
    accounts = Lookup(outside.accounts.get, clock, _RECORD_TTL)
    apps = Lookup(outside.apps.get, clock, _RECORD_TTL)
    webhooks = Lookup(outside.webhooks.get, clock, _SETTINGS_TTL)
    quotas = Quotas(outside.quotas, clock, randomness, log)

    replays = Replays(
        store=outside.deliveries,
        webhooks=outside.webhooks,
        retries=outside.retries,
        jobs=outside.jobs,
        clock=clock,
        randomness=randomness,
        log=log,
        reach=options.payload_retention + LEEWAY,
    )
    settings = InstanceSettingsService(
        store=outside.instance,
        webhooks=outside.webhooks,
        webhook_lookup=webhooks,
        replays=replays,
        vault=outside.vault,
        cached=Lookup(_current(outside.instance), clock, _SETTINGS_TTL),
        clock=clock,
        randomness=randomness,
        log=log,
        public_url=options.public_url,
        allow_http=options.allow_http,
    )
    deliveries = Deliveries(
        store=outside.deliveries,
        rows=GroupCommit(_add_all(outside.deliveries), full=100, lanes=4, pace=options.row_pace, name="add-deliveries"),
        retries=outside.retries,
        sender=outside.sender,
        webhook_lookup=webhooks,
        endpoints=Endpoints(outside.webhooks, webhooks, outside.deliveries, clock, log),
        settings=settings,
        vault=outside.vault,
        clock=clock,
        randomness=randomness,
        log=log,
        schedule=options.schedule,
        payload_retention=options.payload_retention,
    )
    changes = Changes(
        accounts=accounts,
        apps=apps,
        folders=Folders(accounts, apps, RoutedMailboxes(outside.mailboxes, outside.sidecar), outside.folders, clock),
        readings=Readings(
            GroupCommit(outside.reader.read, full=20, lanes=8, pace=options.read_pace, name="read-messages"),
            outside.reader,
            Permits(outside.permits, clock, randomness),
            GroupCommit(outside.sidecar.read, full=20, lanes=8, pace=options.read_pace, name="read-delegated"),
        ),
        sightings=outside.sightings,
        sighting_rows=GroupCommit(
            _put_all(outside.sightings), full=100, lanes=4, pace=options.row_pace, name="put-sightings"
        ),
        queue=outside.changes,
        jobs=outside.jobs,
        deliveries=deliveries,
        settings=settings,
        recent=RecentEvents(),
        crowds=Crowds(),
        clock=clock,
        randomness=randomness,
        log=log,
        sightings_kept=options.retention,
    )
    tokens = Tokens(
        store=outside.tokens,
        lookup=Lookup(outside.tokens.get, clock, _SETTINGS_TTL),
        accounts=outside.accounts,
        clock=clock,
        randomness=randomness,
        log=log,
        first=options.first_tokens,
    )
    timers = Timers(
        due=outside.due,
        jobs=outside.jobs,
        heartbeat=Lookup(_heartbeat(outside.due), clock, _RECORD_TTL),
        clock=clock,
        randomness=randomness,
        log=log,
        spread=options.tick_spread,
    )
    due_rows = GroupCommit(_enter_all(outside.due), full=100, name="put-due")
    sweeps = Sweeps(
        accounts=outside.accounts,
        apps=apps,
        history=outside.history,
        cursors=outside.cursors,
        sightings=outside.sightings,
        client_states=options.client_states,
        settings=settings,
        changes=outside.changes,
        jobs=outside.jobs,
        due_rows=due_rows,
        clock=clock,
        randomness=randomness,
        log=log,
        interval=options.sweep_interval,
        poll=options.poll_interval,
        folders=options.watched_folders,
        sightings_kept=options.retention,
    )
    renewals = Renewals(
        accounts=outside.accounts,
        apps=apps,
        subscriptions=outside.subscriptions,
        quotas=quotas,
        client_states=options.client_states,
        due_rows=due_rows,
        jobs=outside.jobs,
        clock=clock,
        randomness=randomness,
        log=log,
    )
    relocations = Relocations(
        accounts=outside.accounts,
        apps=apps,
        subscriptions=outside.subscriptions,
        quotas=quotas,
        client_states=options.client_states,
        renewals=renewals,
        settings=settings,
        reachable=Lookup(_reached(outside.endpoint), clock, _RECORD_TTL),
        jobs=outside.jobs,
        clock=clock,
        log=log,
    )
    announcements = announcing(outside.changes, pace=options.row_pace)
    standings = Standings(outside.accounts, announcements, outside.jobs, clock, randomness, log)
    grants = Grants(
        store=outside.grants,
        apps=apps,
        tokens=outside.grant_tokens,
        vault=outside.vault,
        jobs=outside.jobs,
        clock=clock,
        randomness=randomness,
        log=log,
    )
    leftovers = Leftovers(outside.flows, outside.grants, outside.accounts, grants, clock, log)
    watching = Watching(
        accounts=outside.accounts,
        grants=grants,
        watches=outside.watches,
        mirrors=outside.mirrors,
        standings=standings,
        clock=clock,
        randomness=randomness,
        log=log,
    )
    connections = Connections(
        accounts=outside.accounts,
        apps=apps,
        mailboxes=outside.mailboxes,
        folders=outside.folders,
        subscriptions=outside.subscriptions,
        quotas=quotas,
        client_states=options.client_states,
        renewals=renewals,
        sweeps=sweeps,
        settings=settings,
        standings=standings,
        jobs=outside.jobs,
        clock=clock,
        randomness=randomness,
        log=log,
    )
    expiries = Expiries(outside.apps, outside.due, outside.jobs, outside.changes, clock, log)
    removals = Removals(
        accounts=outside.accounts,
        bindings=outside.bindings,
        apps=apps,
        subscriptions=outside.subscriptions,
        quotas=quotas,
        webhooks=outside.webhooks,
        tokens=tokens,
        vault=outside.vault,
        settings=settings,
        changes=outside.changes,
        jobs=outside.jobs,
        log=log,
        watching=watching,
    )
    registry = Accounts(
        store=outside.accounts,
        mailboxes=outside.bindings,
        apps=apps,
        grants=grants,
        watches=outside.watches,
        webhooks=outside.webhooks,
        webhook_lookup=webhooks,
        account_lookup=accounts,
        replays=replays,
        vault=outside.vault,
        tokens=tokens,
        changes=outside.changes,
        jobs=outside.jobs,
        clock=clock,
        randomness=randomness,
        log=log,
        allow_http=options.allow_http,
    )
    erasures = Erasures(
        registry=registry,
        accounts=outside.accounts,
        traces=outside.traces,
        poison=outside.poison,
        mirrors=outside.mirrors,
        jobs=outside.jobs,
        clock=clock,
        log=log,
    )
    sign_ins = SignIns(
        flows=outside.flows,
        apps=outside.apps,
        app_lookup=apps,
        code_flow=outside.code_flow,
        grants=grants,
        accounts=registry,
        settings=settings,
        clock=clock,
        randomness=randomness,
        log=log,
    )
    oauth2_apps = OAuth2Apps(
        store=outside.apps,
        lookup=apps,
        accounts=outside.accounts,
        jobs=outside.jobs,
        expiries=expiries,
        vault=outside.vault,
        inspector=outside.inspector,
        mailboxes=outside.mailboxes,
        endpoint=outside.endpoint,
        settings=settings,
        clock=clock,
        randomness=randomness,
        log=log,
    )
    return Relay(
        oauth2_apps=oauth2_apps,
        accounts=registry,
        erasures=erasures,
        registrations=Registrations(registry, apps, grants, outside.code_flow, sign_ins),
        sign_ins=sign_ins,
        jobs=Jobs(
            accounts=outside.accounts,
            account_lookup=accounts,
            connections=connections,
            watching=watching,
            renewals=renewals,
            relocations=relocations,
            sweeps=sweeps,
            removals=removals,
            replays=replays,
            expiries=expiries,
            erasures=erasures,
            timers=timers,
            queue=outside.jobs,
            clock=clock,
            randomness=randomness,
            log=log,
        ),
        timers=timers,
        purges=Purges(outside.retention, settings, oauth2_apps, leftovers, clock, log, kept=options.retention),
        expiries=expiries,
        poison=Poison(outside.given_up, outside.poison, clock, log),
        metrics=Metrics(
            ledger=outside.ledger,
            queues=outside.queue_gauge,
            poison=outside.poison,
            accounts=outside.accounts,
            apps=outside.apps,
            timers=timers,
            clock=clock,
            log=log,
        ),
        changes=changes,
        deliveries=deliveries,
        replays=replays,
        tokens=tokens,
        instance_settings=settings,
        health=Health(outside.dependencies, timers, log),
        log=log,
    )


def _reached(endpoint: EndpointProbe) -> Callable[[str], str]:
    def reach(service_url: str) -> str:
        endpoint.reach(service_url)
        return service_url

    return reach


def _current(store: InstanceSettingsStore) -> Callable[[str], InstanceSettings]:
    def find(_: str) -> InstanceSettings:
        stored = store.get()
        return stored.value if stored else InstanceSettings()

    return find


def _heartbeat(store: DueStore) -> Callable[[str], Heartbeat]:
    def find(_: str) -> Heartbeat:
        stored = store.heartbeat()
        return stored.value if stored else NEVER

    return find


def _enter_all(store: DueStore) -> Callable[[Sequence[Due]], list[None]]:
    def commit(entries: Sequence[Due]) -> list[None]:
        store.put_all(entries)
        return [None] * len(entries)

    return commit


def _add_all(store: DeliveryStore) -> Callable[[Sequence[tuple[Delivery, bytes]]], list[None]]:
    def commit(deliveries: Sequence[tuple[Delivery, bytes]]) -> list[None]:
        store.add(deliveries)
        return [None] * len(deliveries)

    return commit


def _put_all(store: SightingStore) -> Callable[[Sequence[tuple[SightingKey, Sighting]]], list[None]]:
    def commit(sightings: Sequence[tuple[SightingKey, Sighting]]) -> list[None]:
        store.put(dict(sightings))
        return [None] * len(sightings)

    return commit
