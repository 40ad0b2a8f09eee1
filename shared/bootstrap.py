"""
The composition root: the one place that knows which adapter stands behind which port.

Production and tests call the same functions. Adapters are imported inside them, because the notification endpoint must
answer a cold start within Graph's 3 seconds and needs a queue and nothing else: `ingress` is that small part, `build`
the whole.
"""

# ruff: noqa: PLC0415  what is not needed is not imported; see above

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from shared.domain.client_state import ClientStates
from shared.domain.errors import Misconfigured
from shared.group_commit import GroupCommit
from shared.services.notifications import Notifications, gather
from shared.settings import Settings, SettingsRefusedError, read

if TYPE_CHECKING:
    from shared.adapters.storage.connection import StorageConnection
    from shared.domain.deliveries import Delivery
    from shared.domain.instance_settings import InstanceSettings
    from shared.domain.sightings import Sighting, SightingKey
    from shared.ports.deliveries import DeliveryStore, WebhookSender
    from shared.ports.machine import Clock, Dependency, Log
    from shared.ports.microsoft365 import (
        EndpointProbe,
        History,
        Mailboxes,
        MessageReader,
        Subscriptions,
        TokenInspector,
        TokenSource,
    )
    from shared.ports.state import InstanceSettingsStore, SightingStore
    from shared.ports.vault import Vault
    from shared.services.accounts import Accounts
    from shared.services.changes import Changes
    from shared.services.deliveries import Deliveries
    from shared.services.health import Health
    from shared.services.instance_settings import InstanceSettingsService
    from shared.services.jobs import Jobs
    from shared.services.oauth2 import OAuth2Apps
    from shared.services.poison import Poison
    from shared.services.replays import Replays
    from shared.services.retention import Purges
    from shared.services.timers import Timers
    from shared.services.tokens import Tokens

_USER_AGENT = "Relay365/0.1"
# How stale another process's word may be. Settings take effect quickly; accounts and folders hardly change.
_SETTINGS_TTL = timedelta(seconds=10)
_RECORD_TTL = timedelta(seconds=60)
# What is read together is held up together, so a throttled mailbox is put off rather than waited for.
_READ_BUDGET = timedelta(seconds=5)
# Rows are written after the POST, so under load they can wait a little for company; in seconds.
_ROW_PACE = 0.25


@dataclass(frozen=True)
class Ingress:
    """What the notification endpoints need."""

    notifications: Notifications
    log: "Log"


@dataclass(frozen=True)
class Relay:
    """Every use case, ready to be called."""

    oauth2_apps: "OAuth2Apps"
    accounts: "Accounts"
    jobs: "Jobs"
    timers: "Timers"
    purges: "Purges"
    poison: "Poison"
    changes: "Changes"
    deliveries: "Deliveries"
    replays: "Replays"
    tokens: "Tokens"
    instance_settings: "InstanceSettingsService"
    health: "Health"
    log: "Log"


@dataclass(frozen=True)
class Replacements:
    """What a test puts in the place of the outside; whatever is None is the real adapter."""

    clock: "Clock | None" = None
    log: "Log | None" = None
    vault: "Vault | None" = None
    token_source: "TokenSource | None" = None
    token_inspector: "TokenInspector | None" = None
    reader: "MessageReader | None" = None
    mailboxes: "Mailboxes | None" = None
    subscriptions: "Subscriptions | None" = None
    sender: "WebhookSender | None" = None
    endpoint: "EndpointProbe | None" = None
    history: "History | None" = None


@cache
def ingress() -> Ingress:
    """Returns the notification part for this process, made from the environment; raises Misconfigured."""
    return build_ingress(_settings())


@cache
def relay() -> Relay:
    """Returns the product for this process, made from the environment; raises Misconfigured."""
    return build(_settings())


def build_ingress(settings: Settings, *, clock: "Clock | None" = None, log: "Log | None" = None) -> Ingress:
    """Returns the notification part alone: no table, no vault, no Graph stands behind it."""
    from shared.adapters.log import JsonLog
    from shared.adapters.storage.queues import StorageChangeQueue, StorageJobQueue
    from shared.adapters.system import SystemClock, SystemRandomness

    connection = _connection(settings)
    told = log or JsonLog()
    notifications = Notifications(
        client_states=ClientStates(settings.client_state_key_map),
        changes=gather(StorageChangeQueue(connection)),
        jobs=StorageJobQueue(connection),
        clock=clock or SystemClock(),
        randomness=SystemRandomness(SystemClock()),
        log=told,
    )
    return Ingress(notifications=notifications, log=told)


def build(settings: Settings, replaced: Replacements = Replacements()) -> Relay:  # noqa: PLR0915  frozen and empty; one line a part
    """Returns the whole product on *settings*, with the outside of *replaced* where it names any."""
    from shared.adapters.endpoint_probe import HttpEndpointProbe
    from shared.adapters.entra.entra import Entra
    from shared.adapters.graph.client import GraphClient
    from shared.adapters.graph.history import GraphHistory
    from shared.adapters.graph.mailboxes import GraphMailboxes
    from shared.adapters.graph.reader import GraphMessages
    from shared.adapters.graph.subscriptions import GraphSubscriptions
    from shared.adapters.log import JsonLog
    from shared.adapters.storage.health import StorageDependency
    from shared.adapters.storage.poison_queues import StoragePoisonQueue
    from shared.adapters.storage.queues import StorageChangeQueue, StorageJobQueue, StorageRetryQueue
    from shared.adapters.storage.tables.accounts import AccountTable
    from shared.adapters.storage.tables.cursors import CursorTable
    from shared.adapters.storage.tables.deliveries import DeliveryTable
    from shared.adapters.storage.tables.due import DueTable
    from shared.adapters.storage.tables.folders import FolderTable
    from shared.adapters.storage.tables.instance_settings import InstanceSettingsTable
    from shared.adapters.storage.tables.mailboxes import MailboxTable
    from shared.adapters.storage.tables.oauth2_apps import OAuth2AppTable
    from shared.adapters.storage.tables.poison import PoisonTable
    from shared.adapters.storage.tables.retention import TableRetention
    from shared.adapters.storage.tables.sightings import SightingTable
    from shared.adapters.storage.tables.tokens import TokenTable
    from shared.adapters.storage.tables.webhooks import WebhookTable
    from shared.adapters.system import SystemClock, SystemRandomness
    from shared.adapters.webhook_http.sender import HttpWebhookSender
    from shared.domain.tokens import token_id
    from shared.services.accounts import Accounts
    from shared.services.changes import Changes
    from shared.services.connections import Connections
    from shared.services.deliveries import Deliveries
    from shared.services.endpoints import Endpoints
    from shared.services.folders import Folders
    from shared.services.health import Health
    from shared.services.instance_settings import InstanceSettingsService
    from shared.services.jobs import Jobs
    from shared.services.lookups import Lookup
    from shared.services.oauth2 import OAuth2Apps
    from shared.services.poison import Poison
    from shared.services.recent import RecentEvents
    from shared.services.removals import Removals
    from shared.services.renewals import Renewals
    from shared.services.replays import Replays
    from shared.services.retention import Purges
    from shared.services.sweeps import Sweeps
    from shared.services.timers import NEVER, Timers
    from shared.services.tokens import Tokens

    # The machine.
    system_clock = SystemClock()
    clock = replaced.clock or system_clock
    randomness = SystemRandomness(system_clock)
    log = replaced.log or JsonLog()

    # State, queues and secrets.
    connection = _connection(settings)
    accounts, bindings, folders = AccountTable(connection), MailboxTable(connection), FolderTable(connection)
    apps, webhooks, tokens = OAuth2AppTable(connection), WebhookTable(connection), TokenTable(connection)
    deliveries, sightings = DeliveryTable(connection, clock), SightingTable(connection)
    instance, due, cursors = InstanceSettingsTable(connection), DueTable(connection), CursorTable(connection)
    changes, retries, jobs = (
        StorageChangeQueue(connection),
        StorageRetryQueue(connection),
        StorageJobQueue(connection),
    )
    vault, vault_dependency = _vault(settings, clock, replaced.vault)

    # Microsoft 365 and the customer.
    entra = Entra(vault, clock, login_url=settings.login_url)
    graph = GraphClient(replaced.token_source or entra, graph_url=settings.graph_url)
    mailboxes = replaced.mailboxes or GraphMailboxes(graph, clock)
    reader = replaced.reader or GraphMessages(graph, clock, budget=_READ_BUDGET)
    subscriptions = replaced.subscriptions or GraphSubscriptions(graph, clock)
    history = replaced.history or GraphHistory(graph, clock)
    sender = replaced.sender or HttpWebhookSender(
        user_agent=_USER_AGENT,
        allowed_networks=settings.webhook_allowed_networks,
        allow_http=settings.webhook_allow_http,
        timeout=timedelta(seconds=settings.webhook_timeout_seconds),
    )

    # What hot paths keep in memory.
    account_lookup = Lookup(accounts.get, clock, _RECORD_TTL)
    app_lookup = Lookup(apps.get, clock, _RECORD_TTL)
    webhook_lookup = Lookup(webhooks.get, clock, _SETTINGS_TTL)

    # Use cases.
    retention = timedelta(days=settings.retention_days)
    replays = Replays(
        store=deliveries,
        webhooks=webhooks,
        retries=retries,
        jobs=jobs,
        clock=clock,
        randomness=randomness,
        log=log,
    )
    instance_settings = InstanceSettingsService(
        store=instance,
        webhooks=webhooks,
        webhook_lookup=webhook_lookup,
        replays=replays,
        vault=vault,
        cached=Lookup(_current(instance), clock, _SETTINGS_TTL),
        clock=clock,
        randomness=randomness,
        log=log,
        public_url=settings.public_url,
        allow_http=settings.webhook_allow_http,
    )
    delivery = Deliveries(
        store=deliveries,
        rows=GroupCommit(_add_all(deliveries), full=100, lanes=4, pace=_ROW_PACE, name="add-deliveries"),
        retries=retries,
        sender=sender,
        webhook_lookup=webhook_lookup,
        endpoints=Endpoints(webhooks, webhook_lookup, deliveries, clock, log),
        settings=instance_settings,
        vault=vault,
        clock=clock,
        randomness=randomness,
        log=log,
        schedule=settings.retry_schedule,
        payload_retention=timedelta(days=settings.payload_retention_days),
    )
    timers = Timers(
        due=due,
        jobs=jobs,
        heartbeat=Lookup(lambda _: due.heartbeat() or NEVER, clock, _RECORD_TTL),
        clock=clock,
        randomness=randomness,
        log=log,
        spread=timedelta(minutes=3),
    )
    token_service = Tokens(
        store=tokens,
        lookup=Lookup(tokens.get, clock, _SETTINGS_TTL),
        accounts=accounts,
        clock=clock,
        randomness=randomness,
        log=log,
        first=token_id(settings.api_token.get_secret_value()),
    )
    sweeps = Sweeps(
        accounts=accounts,
        apps=app_lookup,
        history=history,
        cursors=cursors,
        sightings=sightings,
        changes=changes,
        jobs=jobs,
        due=due,
        clock=clock,
        randomness=randomness,
        log=log,
        interval=timedelta(minutes=settings.sweep_minutes),
        poll=timedelta(seconds=settings.poll_seconds),
        folders=settings.sweep_folders,
        sightings_kept=retention,
    )
    renewals = Renewals(
        accounts=accounts,
        apps=app_lookup,
        subscriptions=subscriptions,
        due=due,
        jobs=jobs,
        clock=clock,
        randomness=randomness,
        log=log,
    )
    connections = Connections(
        accounts=accounts,
        apps=app_lookup,
        mailboxes=mailboxes,
        folders=folders,
        subscriptions=subscriptions,
        client_states=ClientStates(settings.client_state_key_map),
        renewals=renewals,
        sweeps=sweeps,
        settings=instance_settings,
        changes=changes,
        jobs=jobs,
        clock=clock,
        randomness=randomness,
        log=log,
    )
    removals = Removals(
        accounts=accounts,
        bindings=bindings,
        apps=app_lookup,
        subscriptions=subscriptions,
        webhooks=webhooks,
        tokens=token_service,
        vault=vault,
        settings=instance_settings,
        changes=changes,
        jobs=jobs,
        log=log,
    )
    return Relay(
        oauth2_apps=OAuth2Apps(
            store=apps,
            lookup=app_lookup,
            accounts=accounts,
            jobs=jobs,
            vault=vault,
            inspector=replaced.token_inspector or entra,
            mailboxes=mailboxes,
            endpoint=replaced.endpoint or HttpEndpointProbe(_USER_AGENT),
            settings=instance_settings,
            clock=clock,
            randomness=randomness,
            log=log,
        ),
        accounts=Accounts(
            store=accounts,
            mailboxes=bindings,
            apps=app_lookup,
            webhooks=webhooks,
            webhook_lookup=webhook_lookup,
            account_lookup=account_lookup,
            replays=replays,
            vault=vault,
            tokens=token_service,
            changes=changes,
            jobs=jobs,
            clock=clock,
            randomness=randomness,
            log=log,
            allow_http=settings.webhook_allow_http,
        ),
        jobs=Jobs(
            accounts=accounts,
            account_lookup=account_lookup,
            connections=connections,
            renewals=renewals,
            sweeps=sweeps,
            removals=removals,
            replays=replays,
            timers=timers,
            queue=jobs,
            randomness=randomness,
            log=log,
        ),
        timers=timers,
        purges=Purges(TableRetention(connection), clock, log, kept=retention),
        poison=Poison(StoragePoisonQueue(connection), PoisonTable(connection), clock, log),
        changes=Changes(
            accounts=account_lookup,
            apps=app_lookup,
            folders=Folders(account_lookup, app_lookup, mailboxes, folders, clock),
            reader=GroupCommit(reader.read, full=20, lanes=8, pace=0.02, name="read-messages"),
            sightings=sightings,
            sighting_rows=GroupCommit(_put_all(sightings), full=100, lanes=4, pace=_ROW_PACE, name="put-sightings"),
            queue=changes,
            jobs=jobs,
            deliveries=delivery,
            settings=instance_settings,
            recent=RecentEvents(),
            clock=clock,
            log=log,
            sightings_kept=retention,
        ),
        deliveries=delivery,
        replays=replays,
        tokens=token_service,
        instance_settings=instance_settings,
        health=Health([StorageDependency(connection), *vault_dependency], timers, log),
        log=log,
    )


def _settings() -> Settings:
    try:
        return read()
    except SettingsRefusedError as refused:
        raise Misconfigured(str(refused)) from None


def _connection(settings: Settings) -> "StorageConnection":
    from shared.adapters.storage.connection import StorageConnection

    return StorageConnection(
        connection_string=settings.storage.get_secret_value() if settings.storage else None,
        account_name=settings.storage_account,
        queue_service_uri=settings.storage_queue_uri,
        table_service_uri=settings.storage_table_uri,
        client_id=settings.storage_client_id,
    )


def _vault(settings: Settings, clock: "Clock", given: "Vault | None") -> "tuple[Vault, Sequence[Dependency]]":
    from shared.adapters.secret_cache import SecretCache

    if given is not None:
        return SecretCache(given, clock), []
    if settings.key_vault_url is not None:
        from shared.adapters.keyvault import KeyVault

        vault = KeyVault(settings.key_vault_url, client_id=settings.storage_client_id)
        return SecretCache(vault, clock), [vault]
    from shared.adapters.vault_file import FileVault

    key = settings.vault_file_key.get_secret_value() if settings.vault_file_key else None
    file = FileVault(Path(settings.vault_file or ""), key)
    return SecretCache(file, clock), [file]


def _current(store: "InstanceSettingsStore") -> "Callable[[str], InstanceSettings]":
    from shared.domain.instance_settings import InstanceSettings

    def find(_: str) -> InstanceSettings:
        stored = store.get()
        return stored.value if stored else InstanceSettings()

    return find


def _add_all(store: "DeliveryStore") -> "Callable[[Sequence[tuple[Delivery, bytes]]], list[None]]":
    def commit(deliveries: "Sequence[tuple[Delivery, bytes]]") -> list[None]:
        store.add(deliveries)
        return [None] * len(deliveries)

    return commit


def _put_all(store: "SightingStore") -> "Callable[[Sequence[tuple[SightingKey, Sighting]]], list[None]]":
    def commit(sightings: "Sequence[tuple[SightingKey, Sighting]]") -> list[None]:
        store.put(dict(sightings))
        return [None] * len(sightings)

    return commit
