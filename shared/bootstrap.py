"""
The composition root: the one place that knows which adapter stands behind which port.

Production and tests call the same functions. Adapters are imported inside them, because the notification endpoint must
answer a cold start within Graph's 3 seconds and needs a queue and nothing else: `ingress` is that small part, `build`
the whole.
"""

# ruff: noqa: PLC0415  what is not needed is not imported; see above

import atexit
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import uuid4

from shared.domain.client_state import ClientStates
from shared.domain.crowds import Crowds
from shared.domain.errors import Misconfigured
from shared.domain.tallies import Role
from shared.services.notifications import Notifications, gather
from shared.settings import OF_THE_APP, Settings, SettingsRefusedError, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.adapters.storage.connection import StorageConnection
    from shared.adapters.tally import TallyLog
    from shared.adapters.telemetry.collector import Collector
    from shared.domain.oauth2 import OAuth2App
    from shared.ports.deliveries import WebhookSender
    from shared.ports.machine import Clock, Dependency, Log, Randomness
    from shared.ports.mail import MailBackend
    from shared.ports.metrics import Gauges
    from shared.ports.microsoft365 import (
        EndpointProbe,
        History,
        Mailboxes,
        MessageReader,
        Subscriptions,
        TokenInspector,
        TokenSource,
    )
    from shared.ports.outside import Outside
    from shared.ports.queues import ChangeQueue
    from shared.ports.records import Stored
    from shared.ports.sidecar import MirrorStore, ShardStore, WatchStore
    from shared.ports.sign_ins import GrantTokens, SignIns
    from shared.ports.state import AccountStore
    from shared.ports.vault import Vault
    from shared.services.grants import Grants
    from shared.services.lookups import Lookup
    from shared.services.relay import Options, Relay
    from shared.services.watching import Watching

Part = TypeVar("Part")

_USER_AGENT = "Relay365/0.1"
# What is read together is held up together, so a throttled mailbox is put off rather than waited for.
_READ_BUDGET = timedelta(seconds=5)
# A read waits a moment for company, and a row, which comes after the POST, a little longer; in seconds.
_READ_PACE = 0.02
_ROW_PACE = 0.25
# How stale the sidecar's word on an application may be.
_APP_TTL = timedelta(seconds=60)
_ONE_AT_A_TIME = Lock()


class Once(Generic[Part]):
    """
    Makes a part at the first call, one for the process, also where threads come for it together.

    A cache alone would let each of them make its own; but slots and permits count for all threads of the process.
    """

    def __init__(self, make: Callable[[], Part]) -> None:
        self._kept = cache(make)
        self._lock = Lock()

    def __call__(self) -> Part:
        """Returns the part."""
        with self._lock:
            return self._kept()

    def forget(self) -> None:
        """Has the next call make another, from the environment as it is then."""
        self._kept.cache_clear()


@dataclass(frozen=True)
class Ingress:
    """What the notification endpoints need."""

    notifications: Notifications
    log: "Log"


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """
    What the sidecar needs.

    *imap_server* and *smtp_server* take the place of each cloud's own; without *keys* it serves no mail.
    """

    accounts: "AccountStore"
    watching: "Watching"
    grants: "Grants"
    apps: "Lookup[Stored[OAuth2App] | None]"
    shards: "ShardStore"
    watches: "WatchStore"
    mirrors: "MirrorStore"
    changes: "ChangeQueue"
    clock: "Clock"
    randomness: "Randomness"
    log: "Log"
    gauges: "Gauges"
    lease: timedelta
    poll: timedelta
    places: int
    logins_per_second: float
    port: int
    imap_server: tuple[str, int] | None
    smtp_server: tuple[str, int] | None
    keys: tuple[str, ...] = field(repr=False)


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
    sidecar: "MailBackend | None" = None
    history: "History | None" = None
    code_flow: "SignIns | None" = None
    grant_tokens: "GrantTokens | None" = None


@Once
def ingress() -> Ingress:
    """Returns the notification part for this process, made from the environment; raises Misconfigured."""
    return build_ingress(_settings())


@Once
def relay() -> "Relay":
    """Returns the product for this process, made from the environment; raises Misconfigured."""
    return build(_settings())


@Once
def sidecar() -> Sidecar:
    """Returns the sidecar's part for this process, made from the environment; raises Misconfigured."""
    return build_sidecar(_settings(needed=()))


@Once
def log() -> "Log":
    """Returns the log of this process; where the settings are refused, the one that needs none."""
    from shared.adapters.log import JsonLog

    try:
        return _log(_settings())
    except Misconfigured:
        return JsonLog()


def build_ingress(settings: Settings, *, clock: "Clock | None" = None, log: "Log | None" = None) -> Ingress:
    """Returns the notification part alone: no table, no vault, no Graph stands behind it."""
    from shared.adapters.storage.queues import StorageChangeQueue, StorageJobQueue
    from shared.adapters.system import SystemClock, SystemRandomness

    connection = _connection(settings)
    told = log or _log(settings)
    notifications = Notifications(
        client_states=ClientStates(settings.client_state_key_map),
        changes=gather(StorageChangeQueue(connection)),
        jobs=StorageJobQueue(connection),
        crowds=Crowds(),
        clock=clock or SystemClock(),
        randomness=SystemRandomness(SystemClock()),
        log=told,
    )
    return Ingress(notifications=notifications, log=told)


def build_sidecar(settings: Settings, replaced: Replacements = Replacements()) -> Sidecar:  # frozen and empty
    """Returns the sidecar's part: storage, vault, Entra for users, and nothing of Graph."""
    from shared.adapters.entra.users import EntraUsers
    from shared.adapters.storage.queues import StorageChangeQueue, StorageJobQueue
    from shared.adapters.storage.tables.accounts import AccountTable
    from shared.adapters.storage.tables.grants import GrantTable
    from shared.adapters.storage.tables.mirrors import MirrorTable
    from shared.adapters.storage.tables.oauth2_apps import OAuth2AppTable
    from shared.adapters.storage.tables.watches import ShardTable, WatchTable
    from shared.adapters.system import SystemClock, SystemRandomness
    from shared.services.grants import Grants
    from shared.services.lookups import Lookup
    from shared.services.standings import Standings, announcing
    from shared.services.watching import Watching

    system_clock = SystemClock()
    clock, randomness, log = (
        replaced.clock or system_clock,
        SystemRandomness(system_clock),
        replaced.log or _log(settings, Role.SIDECAR),
    )
    connection = _connection(settings)
    vault, _ = _vault(settings, clock, replaced.vault)
    accounts, changes, jobs = AccountTable(connection), StorageChangeQueue(connection), StorageJobQueue(connection)
    apps = Lookup(OAuth2AppTable(connection).get, clock, _APP_TTL)
    watches, mirrors = WatchTable(connection), MirrorTable(connection)
    grants = Grants(
        store=GrantTable(connection),
        apps=apps,
        tokens=replaced.grant_tokens or EntraUsers(vault, clock, login_url=settings.login_url),
        vault=vault,
        jobs=jobs,
        clock=clock,
        randomness=randomness,
        log=log,
    )
    return Sidecar(
        accounts=accounts,
        watching=Watching(
            accounts=accounts,
            grants=grants,
            watches=watches,
            mirrors=mirrors,
            standings=Standings(accounts, announcing(changes), jobs, clock, randomness, log),
            clock=clock,
            randomness=randomness,
            log=log,
        ),
        grants=grants,
        apps=apps,
        shards=ShardTable(connection),
        watches=watches,
        mirrors=mirrors,
        changes=changes,
        clock=clock,
        randomness=randomness,
        log=log,
        gauges=_tally(connection, Role.SIDECAR),
        lease=timedelta(seconds=settings.sidecar_lease_seconds),
        poll=timedelta(seconds=settings.sidecar_poll_seconds),
        places=settings.sidecar_sessions,
        logins_per_second=settings.sidecar_logins_per_second,
        port=settings.sidecar_port,
        imap_server=_host_and_port(settings.imap_server),
        smtp_server=_host_and_port(settings.smtp_server),
        keys=settings.sidecar_keys,
    )


def build(settings: Settings, replaced: Replacements = Replacements()) -> "Relay":  # frozen and empty
    """Returns the whole product on *settings*, with the outside of *replaced* where it names any."""
    from shared.services.relay import assemble

    return assemble(_outside(settings, replaced), _options(settings))


def _options(settings: Settings) -> "Options":
    from shared.domain.tokens import token_id
    from shared.services.relay import Options

    return Options(
        client_states=ClientStates(settings.client_state_key_map),
        first_tokens=tuple(map(token_id, settings.api_tokens)),
        public_url=settings.public_url,
        allow_http=settings.webhook_allow_http,
        schedule=settings.retry_schedule,
        payload_retention=timedelta(days=settings.payload_retention_days),
        retention=timedelta(days=settings.retention_days),
        sweep_interval=timedelta(minutes=settings.sweep_minutes),
        poll_interval=timedelta(seconds=settings.poll_seconds),
        watched_folders=settings.sweep_folders,
        read_pace=_READ_PACE,
        row_pace=_ROW_PACE,
    )


def _outside(settings: Settings, replaced: Replacements) -> "Outside":
    from shared.adapters.endpoint_probe import HttpEndpointProbe
    from shared.adapters.entra.entra import Entra
    from shared.adapters.entra.users import EntraUsers
    from shared.adapters.graph.client import GraphClient
    from shared.adapters.graph.history import GraphHistory
    from shared.adapters.graph.mailboxes import GraphMailboxes
    from shared.adapters.graph.reader import GraphMessages
    from shared.adapters.graph.slots import Slots
    from shared.adapters.graph.subscriptions import GraphSubscriptions
    from shared.adapters.storage.health import StorageDependency
    from shared.adapters.storage.poison_queues import StoragePoisonQueue
    from shared.adapters.storage.queue_gauge import StorageQueueGauge
    from shared.adapters.storage.queues import StorageChangeQueue, StorageJobQueue, StorageRetryQueue
    from shared.adapters.storage.seal import Seal
    from shared.adapters.storage.tables.accounts import AccountTable
    from shared.adapters.storage.tables.cursors import CursorTable
    from shared.adapters.storage.tables.deliveries import DeliveryTable
    from shared.adapters.storage.tables.due import DueTable
    from shared.adapters.storage.tables.flows import FlowTable
    from shared.adapters.storage.tables.folders import FolderTable
    from shared.adapters.storage.tables.grants import GrantTable
    from shared.adapters.storage.tables.instance_settings import InstanceSettingsTable
    from shared.adapters.storage.tables.mailboxes import MailboxTable
    from shared.adapters.storage.tables.metrics import MetricsTable
    from shared.adapters.storage.tables.mirrors import MirrorTable
    from shared.adapters.storage.tables.oauth2_apps import OAuth2AppTable
    from shared.adapters.storage.tables.permits import PermitTable
    from shared.adapters.storage.tables.poison import PoisonTable
    from shared.adapters.storage.tables.quotas import QuotaTable
    from shared.adapters.storage.tables.retention import TableRetention
    from shared.adapters.storage.tables.sightings import SightingTable
    from shared.adapters.storage.tables.tokens import TokenTable
    from shared.adapters.storage.tables.traces import TraceTables
    from shared.adapters.storage.tables.watches import WatchTable
    from shared.adapters.storage.tables.webhooks import WebhookTable
    from shared.adapters.system import SystemClock, SystemRandomness
    from shared.adapters.webhook_http.sender import HttpWebhookSender
    from shared.ports.outside import Outside
    from shared.services.quotas import Quotas

    system_clock = SystemClock()
    clock = replaced.clock or system_clock
    connection = _connection(settings)
    vault, vault_dependency = _vault(settings, clock, replaced.vault)
    entra = Entra(vault, clock, login_url=settings.login_url)
    users = EntraUsers(vault, clock, login_url=settings.login_url)
    graph = GraphClient(replaced.token_source or entra, graph_url=settings.graph_url)
    sidecar, sidecar_dependency = _sidecar(settings, replaced.sidecar)
    log, randomness = replaced.log or _log(settings), SystemRandomness(system_clock)
    quotas = QuotaTable(connection)
    slots = Slots()
    return Outside(
        clock=clock,
        randomness=randomness,
        log=log,
        dependencies=[StorageDependency(connection), *vault_dependency, *sidecar_dependency],
        accounts=AccountTable(connection),
        bindings=MailboxTable(connection),
        folders=FolderTable(connection),
        cursors=CursorTable(connection),
        due=DueTable(connection),
        apps=OAuth2AppTable(connection),
        sightings=SightingTable(connection),
        permits=PermitTable(connection),
        webhooks=WebhookTable(connection),
        deliveries=DeliveryTable(connection, clock),
        retention=TableRetention(connection),
        traces=TraceTables(connection),
        poison=PoisonTable(connection),
        ledger=MetricsTable(connection),
        quotas=quotas,
        tokens=TokenTable(connection),
        instance=InstanceSettingsTable(connection),
        grants=GrantTable(connection),
        flows=FlowTable(connection, Seal(settings.client_state_key_map)),
        watches=WatchTable(connection),
        mirrors=MirrorTable(connection),
        vault=vault,
        changes=StorageChangeQueue(connection),
        retries=StorageRetryQueue(connection),
        jobs=StorageJobQueue(connection),
        given_up=StoragePoisonQueue(connection),
        queue_gauge=StorageQueueGauge(connection),
        inspector=replaced.token_inspector or entra,
        code_flow=replaced.code_flow or users,
        grant_tokens=replaced.grant_tokens or users,
        reader=replaced.reader or GraphMessages(graph, clock, slots, budget=_READ_BUDGET),
        mailboxes=replaced.mailboxes or GraphMailboxes(graph, clock, slots),
        sidecar=sidecar,
        history=replaced.history or GraphHistory(graph, clock, slots),
        subscriptions=replaced.subscriptions
        or GraphSubscriptions(graph, clock, Quotas(quotas, clock, randomness, log)),
        endpoint=replaced.endpoint or HttpEndpointProbe(_USER_AGENT),
        sender=replaced.sender
        or HttpWebhookSender(
            user_agent=_USER_AGENT,
            allowed_networks=settings.webhook_allowed_networks,
            allow_http=settings.webhook_allow_http,
            timeout=timedelta(seconds=settings.webhook_timeout_seconds),
        ),
    )


def _host_and_port(server: str | None) -> tuple[str, int] | None:
    if server is None:
        return None
    host, _, port = server.rpartition(":")
    return host, int(port)


def _settings(needed: "Sequence[str]" = OF_THE_APP) -> Settings:
    try:
        return read(needed)
    except SettingsRefusedError as refused:
        raise Misconfigured(str(refused)) from None


def _log(settings: Settings, role: Role = Role.APP) -> "Log":
    """Returns who is told of every unit of work."""
    from shared.adapters.log import JsonLog, Tee

    return Tee([JsonLog(), _tally(_connection(settings), role), *_telemetry(settings)])


def _tally(connection: "StorageConnection", role: Role) -> "TallyLog":
    """Returns the one that counts for this process, whichever of its parts asks; at its end it writes a last time."""
    with _ONE_AT_A_TIME:
        return _tally_of(connection, role)


@cache
def _tally_of(connection: "StorageConnection", role: Role) -> "TallyLog":
    from shared.adapters.storage.tables.metrics import MetricsTable
    from shared.adapters.system import SystemClock, SystemRandomness
    from shared.adapters.tally import TallyLog

    clock = SystemClock()
    tally = TallyLog(MetricsTable(connection), clock, SystemRandomness(clock), role)
    atexit.register(tally.close)
    return tally


def _telemetry(settings: Settings) -> "Sequence[Log]":
    """Returns the way to the collector, where the settings name one; the process has one, however many parts log."""
    if settings.otel_exporter_otlp_endpoint is None:
        return []
    headers = tuple(settings.collector_headers.items())
    return [_exporter(settings.otel_exporter_otlp_endpoint, headers, settings.otel_service_name)]


@cache
def _exporter(endpoint: str, headers: tuple[tuple[str, str], ...], service: str) -> "Log":
    from shared.adapters.log import JsonLog
    from shared.adapters.system import SystemClock
    from shared.adapters.telemetry.telemetry import Telemetry

    def connect() -> "Collector":
        # In the telemetry's own thread: no request waits for the HTTP library.
        from shared.adapters.telemetry.collector import Collector

        sent = {"User-Agent": _USER_AGENT, **dict(headers)}
        return Collector(endpoint, sent, {"service.name": service, "service.instance.id": uuid4().hex})

    return Telemetry(connect, SystemClock(), JsonLog())


def _connection(settings: Settings) -> "StorageConnection":
    from shared.adapters.storage.connection import StorageConnection

    return StorageConnection(
        connection_string=settings.storage.get_secret_value() if settings.storage else None,
        account_name=settings.storage_account,
        queue_service_uri=settings.storage_queue_uri,
        table_service_uri=settings.storage_table_uri,
        client_id=settings.storage_client_id,
    )


def _sidecar(settings: Settings, given: "MailBackend | None") -> "tuple[MailBackend, Sequence[Dependency]]":
    if given is not None:
        return given, []
    if settings.sidecar_url is None:
        from shared.adapters.sidecar.absent import AbsentSidecar

        return AbsentSidecar(), []
    from shared.adapters.sidecar.client import SidecarClient, SidecarDependency
    from shared.adapters.sidecar.mail import SidecarMail

    client = SidecarClient(settings.sidecar_url, *settings.sidecar_keys)
    return SidecarMail(client), [SidecarDependency(client)]


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
