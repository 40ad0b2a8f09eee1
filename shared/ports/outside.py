"""The whole outside at once: one object behind each port, as the composition root or a test puts them together."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.ports.deliveries import DeliveryStore, WebhookSender, WebhookStore
from shared.ports.machine import Clock, Dependency, Log, Randomness
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
    RateLimitStore,
    Retention,
    SightingStore,
    TokenStore,
    TraceStore,
)
from shared.ports.vault import Vault


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What the use cases stand on."""

    clock: Clock
    randomness: Randomness
    log: Log
    dependencies: Sequence[Dependency] = ()

    accounts: AccountStore
    bindings: MailboxStore
    folders: FolderStore
    cursors: CursorStore
    due: DueStore
    apps: OAuth2AppStore
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
    rate_limits: RateLimitStore
    instance: InstanceSettingsStore
    grants: GrantStore
    flows: FlowStore
    watches: WatchStore
    mirrors: MirrorStore
    vault: Vault

    changes: ChangeQueue
    retries: RetryQueue
    jobs: JobQueue
    given_up: PoisonQueue
    queue_gauge: QueueGauge

    inspector: TokenInspector
    code_flow: SignIns
    grant_tokens: GrantTokens
    reader: MessageReader
    mailboxes: Mailboxes
    sidecar: MailBackend
    history: History
    subscriptions: Subscriptions
    endpoint: EndpointProbe
    sender: WebhookSender
