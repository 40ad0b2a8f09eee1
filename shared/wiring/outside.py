"""The whole outside: one adapter behind each port."""

from datetime import timedelta

from shared.adapters.endpoint_probe import HttpEndpointProbe
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
from shared.adapters.webhook_http.sender import HttpWebhookSender
from shared.ports.outside import Outside
from shared.settings import Settings
from shared.wiring.backends import backend_of
from shared.wiring.log import log_of
from shared.wiring.machine import machine_of
from shared.wiring.microsoft365 import microsoft365_of
from shared.wiring.replacements import Replacements
from shared.wiring.storage import storage_of
from shared.wiring.user_agent import USER_AGENT
from shared.wiring.vault import vault_of


def outside_of(settings: Settings, replaced: Replacements) -> Outside:
    """Returns the outside that *settings* name, with that of *replaced* where it names any."""
    connection = storage_of(settings)
    machine = machine_of(replaced.log or log_of(settings), replaced.clock)
    vault, vault_dependency = vault_of(settings, machine.clock, replaced.vault)
    sidecar, sidecar_dependency = backend_of(settings, replaced.sidecar)
    quotas = QuotaTable(connection)
    microsoft = microsoft365_of(settings, replaced, machine=machine, vault=vault, quotas=quotas)
    return Outside(
        machine=machine,
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
        deliveries=DeliveryTable(connection, machine.clock),
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
        inspector=microsoft.inspector,
        code_flow=microsoft.code_flow,
        grant_tokens=microsoft.grant_tokens,
        reader=microsoft.reader,
        mailboxes=microsoft.mailboxes,
        sidecar=sidecar,
        history=microsoft.history,
        subscriptions=microsoft.subscriptions,
        endpoint=replaced.endpoint or HttpEndpointProbe(USER_AGENT),
        sender=replaced.sender
        or HttpWebhookSender(
            user_agent=USER_AGENT,
            allowed_networks=settings.webhook_allowed_networks,
            allow_http=settings.webhook_allow_http,
            timeout=timedelta(seconds=settings.webhook_timeout_seconds),
        ),
    )
