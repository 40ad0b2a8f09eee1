"""The whole outside at once: one object behind each port, as the composition root or a test puts them together."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.ports.deliveries import DeliveryStore, WebhookSender, WebhookStore
from shared.ports.machine import Dependency, Machine
from shared.ports.mail import MailBackend
from shared.ports.metrics import LedgerStore, QueueGauge
from shared.ports.microsoft365 import (
    EndpointProbe,
    History,
    Mailboxes,
    MessageReader,
    Subscriptions,
    TokenInspector,
)
from shared.ports.queues import ChangeQueue, JobQueue, PoisonQueue, RetryQueue
from shared.ports.sidecar import MirrorStore, WatchStore
from shared.ports.sign_ins import GrantTokens, SignIns
from shared.ports.state import (
    AccountStore,
    CursorStore,
    DueStore,
    FlowStore,
    FolderStore,
    GrantStore,
    InstanceSettingsStore,
    MailboxStore,
    OAuth2AppStore,
    PermitStore,
    PoisonStore,
    QuotaStore,
    Retention,
    SightingStore,
    TokenStore,
    TraceStore,
)
from shared.ports.vault import Vault


@dataclass(frozen=True, kw_only=True)
class OutsideOfUsers:
    """What mailboxes stand on that their users opened: the sidecar has this and no more."""

    machine: Machine
    accounts: AccountStore
    apps: OAuth2AppStore
    grants: GrantStore
    watches: WatchStore
    mirrors: MirrorStore
    vault: Vault
    changes: ChangeQueue
    jobs: JobQueue
    grant_tokens: GrantTokens


@dataclass(frozen=True, kw_only=True)
class Outside(OutsideOfUsers):
    """What the use cases stand on."""

    dependencies: Sequence[Dependency] = ()

    bindings: MailboxStore
    folders: FolderStore
    cursors: CursorStore
    due: DueStore
    sightings: SightingStore
    permits: PermitStore
    webhooks: WebhookStore
    deliveries: DeliveryStore
    retention: Retention
    traces: TraceStore
    poison: PoisonStore
    ledger: LedgerStore
    quotas: QuotaStore
    tokens: TokenStore
    instance: InstanceSettingsStore
    flows: FlowStore

    retries: RetryQueue
    given_up: PoisonQueue
    queue_gauge: QueueGauge

    inspector: TokenInspector
    code_flow: SignIns
    reader: MessageReader
    mailboxes: Mailboxes
    sidecar: MailBackend
    history: History
    subscriptions: Subscriptions
    endpoint: EndpointProbe
    sender: WebhookSender
