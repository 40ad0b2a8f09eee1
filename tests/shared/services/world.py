"""The use cases on fakes: a world that outlives processes, and processes that run in it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import Any

from shared.domain.accounts import Account, AccountState, Subscription, account_key
from shared.domain.changes import AccountEvent, ChangeBatch
from shared.domain.client_state import ClientStates
from shared.domain.errors import MailboxRefused, SignInRefused, TryLater
from shared.domain.instance_settings import InstanceSettings
from shared.domain.jobs import Job, JobKind
from shared.domain.registrations import AccountChange, NewAccount
from shared.domain.tokens import token_id
from shared.ports.machine import Log, Machine
from shared.ports.outside import Outside
from shared.services.assembly.options import Options
from shared.services.crowds import Crowds
from shared.services.notifications import Notifications, gather
from shared.services.relay import assemble
from tests.factories import HOOK, a_webhook, an_account, an_app
from tests.fakes.clock import START, FakeClock
from tests.fakes.delegated import (
    FakeFlowStore,
    FakeGrantStore,
    FakeGrantTokens,
    FakeMirrorStore,
    FakeShardStore,
    FakeWatchStore,
)
from tests.fakes.due import FakeCursorStore, FakeDueStore
from tests.fakes.history import FakeHistory
from tests.fakes.log import FakeLog
from tests.fakes.metrics import FakeMetricsStore, FakeQueueGauge
from tests.fakes.microsoft365 import (
    TREE,
    FakeEndpointProbe,
    FakeMailboxes,
    FakeMessageReader,
    FakeSubscriptions,
    FakeTokenInspector,
    Subscribed,
)
from tests.fakes.poison import FakePoisonQueue, FakePoisonStore
from tests.fakes.queues import FakeChangeQueue, FakeJobQueue, FakeRetryQueue
from tests.fakes.randomness import FakeRandomness
from tests.fakes.retention import FakeRetention
from tests.fakes.sidecar import FakeSidecar
from tests.fakes.sign_ins import FakeSignIns
from tests.fakes.stores import (
    FakeAccountStore,
    FakeDeliveryStore,
    FakeFolderStore,
    FakeInstanceSettingsStore,
    FakeMailboxStore,
    FakeOAuth2AppStore,
    FakePermitStore,
    FakeQuotaStore,
    FakeRateLimitStore,
    FakeSightingStore,
    FakeTokenStore,
    FakeWebhookStore,
)
from tests.fakes.traces import FakeTraceStore
from tests.fakes.vault import FakeVault
from tests.fakes.webhooks import FakeWebhookSender

Through = Callable[[Any], Any]
FIRST_TOKEN = "f" * 64
SECOND_TOKEN = "e" * 64
OWN = "https://own.example.com/hook"
BUSY = TryLater("Graph is throttled.")
WRONG_SECRET = SignInRefused("The secret is wrong.", reason="AADSTS7000215", mend="Set the secret's value.")
NO_CONSENT = MailboxRefused("Access is denied.", reason="ErrorAccessDenied", mend="Grant Mail.Read.")
SERVICE_SECRET = "service-secret-of-the-instance"
SCHEDULE = tuple(timedelta(seconds=wait) for wait in (5, 300, 1800))
STATES = ClientStates({"k1": b"k" * 32})
SWEEP = timedelta(minutes=20)
POLL = timedelta(minutes=2)
SPREAD = timedelta(minutes=3)
TICK = timedelta(minutes=5)
KEPT = timedelta(days=40)
OPTIONS = Options(
    client_states=STATES,
    first_tokens=(token_id(FIRST_TOKEN), token_id(SECOND_TOKEN)),
    public_url=None,
    allow_http=False,
    schedule=SCHEDULE,
    payload_retention=timedelta(days=14),
    retention=KEPT,
    sweep_interval=SWEEP,
    poll_interval=POLL,
    watched_folders=("inbox-id",),
    tick_spread=SPREAD,
)


class World:
    """Everything that survives a process: stores, queues, Microsoft 365, and the customers' endpoints."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.log = FakeLog()
        self.randomness = FakeRandomness()
        self.folders = FakeFolderStore()
        self.cursors = FakeCursorStore()
        self.accounts = FakeAccountStore(self.folders, self.cursors)
        self.bindings = FakeMailboxStore()
        self.apps = FakeOAuth2AppStore()
        self.webhooks = FakeWebhookStore()
        self.deliveries = FakeDeliveryStore(self.clock)
        self.sightings = FakeSightingStore()
        self.permits = FakePermitStore()
        self.poison = FakePoisonStore()
        self.ledger = FakeMetricsStore()
        self.queue_gauge = FakeQueueGauge()
        self.retention = FakeRetention(self.deliveries, self.sightings, self.poison)
        self.traces = FakeTraceStore(self.deliveries, self.sightings)
        self.quotas = FakeQuotaStore()
        self.given_up = FakePoisonQueue(self.clock)
        self.tokens = FakeTokenStore()
        self.rate_limits = FakeRateLimitStore()
        self.instance = FakeInstanceSettingsStore()
        self.grants = FakeGrantStore()
        self.flows = FakeFlowStore()
        self.board = FakeShardStore()
        self.watches = FakeWatchStore(self.board)
        self.mirrors = FakeMirrorStore()
        self.vault = FakeVault()
        self.changes = FakeChangeQueue(self.clock)
        self.retries = FakeRetryQueue(self.clock)
        self.jobs = FakeJobQueue(self.clock)
        self.due = FakeDueStore()
        self.reader = FakeMessageReader()
        self.history = FakeHistory(self.clock, self.reader.messages)
        self.mailboxes = FakeMailboxes()
        self.sidecar = FakeSidecar(self.clock)
        self.subscriptions = FakeSubscriptions(self.clock)
        self.inspector = FakeTokenInspector()
        self.code_flow = FakeSignIns(self.clock)
        self.grant_tokens = FakeGrantTokens(self.clock)
        self.endpoint = FakeEndpointProbe()
        self.sender = FakeWebhookSender()

    def furnish(self, **settings: Any) -> None:
        """Register an application and set up the instance: every event goes to the default webhook."""
        self.apps.insert(an_app(secret=self.vault.put("oauth2-app", "client-secret-of-the-app")))
        self.set(**settings)
        self.hook("default", HOOK)

    def set(self, **settings: Any) -> None:
        """Write the instance's settings; its service secret stays."""
        stored = self.instance.get()
        reference = stored.value.secrets if stored else None
        if reference is None:
            reference = self.vault.put("service-secret", f'[{{"value":"{SERVICE_SECRET}","expires":null}}]')
        values: dict[str, Any] = {
            "webhooks_enabled": True,
            "webhooks": HOOK,
            "webhook_events": ("*",),
            "service_url": "https://relay.example.com",
            "secrets": reference,
        }
        chosen = InstanceSettings(**{**values, **settings})
        if stored is None:
            self.instance.insert(chosen)
        else:
            self.instance.replace(chosen, stored.etag)

    def hook(self, webhook: str, url: str, **changes: Any) -> None:
        """Set up a webhook, in the place of the former."""
        self.webhooks.delete(webhook)
        self.webhooks.insert(a_webhook(id=webhook, url=url, **changes))

    def connected(self, name: str = "anna", **changes: Any) -> Account:
        """Keep an account that is connected since the beginning of time."""
        subscription = Subscription(id=f"subscription-of-{name}", expires=START + timedelta(days=6), created=START)
        values: dict[str, Any] = {
            "state": AccountState.CONNECTED,
            "initialized": True,
            "subscription": subscription,
            "watched_since": START,
        }
        account = an_account(name, **{**values, **changes})
        self.accounts.insert(account)
        self.bindings.bind(account.app, account.user, account.id)
        self.folders.put(account.key, TREE)
        return account

    def registered(self, **changes: Any) -> Job:
        """Keep an account that was just registered, and return its job, which is queued."""
        account = an_account(**changes)
        self.accounts.insert(account)
        self.bindings.bind(account.app, account.user, account.id)
        return self.queue(account, JobKind.CONNECT)

    def live(self, account: Account) -> None:
        """Have Graph know the account's subscription."""
        assert account.subscription is not None
        made = Subscribed(account.app, account.user, STATES.make(account.key), account.subscription)
        self.subscriptions.live[account.subscription.id] = made

    def queue(self, account: Account, kind: JobKind, **changes: Any) -> Job:
        """Queue a job for the account."""
        job = Job(kind=kind, account=account.key, incarnation=account.incarnation, **changes)
        self.jobs.put(job)
        return job

    def rewrite(self, account: Account, **changes: Any) -> Account:
        """Overwrite fields of an account's row."""
        stored = self.accounts.get(account.key)
        assert stored is not None
        return self.accounts.replace(stored.value.model_copy(update=changes), stored.etag).value

    def account(self, name: str = "anna") -> Account:
        """Return an account as it is now."""
        stored = self.accounts.get(account_key(name))
        assert stored is not None
        return stored.value

    def said(self) -> list[AccountEvent]:
        """Return every account event that is queued, repeated ones too."""
        return [event for batch in self.changes.bodies() for event in batch.account_events]

    def announced(self) -> list[str]:
        """Return the names of the account events that are queued, in their order, repeated ones once."""
        return list({(e.incarnation, e.event, e.version): e.event for e in self.said()}.values())

    @property
    def machine(self) -> Machine:
        """Return the world's time, chance and log in one hand."""
        return Machine(self.clock, self.randomness, self.log)

    def process(self, through: Through = lambda port: port, *, log: Log | None = None) -> "Process":
        """Start a process; *through* puts something before each port, *log* takes the place of the world's."""
        return Process(self, through, log or self.log)


class Process:
    """Every use case, with memories of its own."""

    def __init__(self, world: World, through: Through, log: Log) -> None:
        self.world = world
        changes = through(world.changes)
        jobs = through(world.jobs)
        machine = Machine(world.clock, world.randomness, log)
        outside = Outside(
            machine=machine,
            accounts=through(world.accounts),
            bindings=through(world.bindings),
            folders=through(world.folders),
            cursors=through(world.cursors),
            due=through(world.due),
            apps=through(world.apps),
            sightings=through(world.sightings),
            permits=through(world.permits),
            webhooks=through(world.webhooks),
            deliveries=through(world.deliveries),
            retention=through(world.retention),
            traces=through(world.traces),
            poison=through(world.poison),
            ledger=through(world.ledger),
            queue_gauge=through(world.queue_gauge),
            quotas=through(world.quotas),
            tokens=through(world.tokens),
            rate_limits=through(world.rate_limits),
            instance=through(world.instance),
            grants=through(world.grants),
            flows=through(world.flows),
            watches=through(world.watches),
            mirrors=through(world.mirrors),
            vault=through(world.vault),
            changes=changes,
            retries=through(world.retries),
            jobs=jobs,
            given_up=through(world.given_up),
            inspector=through(world.inspector),
            code_flow=through(world.code_flow),
            grant_tokens=through(world.grant_tokens),
            reader=through(world.reader),
            mailboxes=through(world.mailboxes),
            sidecar=through(world.sidecar),
            history=through(world.history),
            subscriptions=through(world.subscriptions),
            endpoint=through(world.endpoint),
            sender=through(world.sender),
        )
        self.relay = assemble(outside, OPTIONS)
        self.accounts = self.relay.accounts
        self.oauth2 = self.relay.oauth2_apps
        self.changes = self.relay.changes
        self.deliveries = self.relay.deliveries
        self.replays = self.relay.replays
        self.settings = self.relay.instance_settings
        self.timers = self.relay.timers
        self.tokens = self.relay.tokens
        self.jobs = self.relay.jobs
        self.watching = self.relay.jobs.watching
        self.tokens_of = self.watching.grants.token
        self.expiries = self.relay.expiries
        self.notifications = Notifications(
            client_states=STATES,
            changes=gather(changes),
            jobs=jobs,
            crowds=Crowds(),
            machine=machine,
            # However long the machine takes.
            prompt=timedelta(minutes=1),
        )

    def register(self, request: NewAccount) -> tuple[str, str]:
        """Register an account, and return its id and whether it is new."""
        answer = self.relay.registrations.register(request)
        return answer["account"], answer["state"]

    def change(self, account: str, change: AccountChange) -> None:
        """Change an account."""
        self.relay.registrations.change(account, change)

    def expand(self, *changes: Any, redelivered: bool = False) -> None:
        """Expand a batch of changes."""
        self.changes.expand(ChangeBatch(changes=changes), redelivered=redelivered)

    def expand_queued(self, *, until: timedelta = timedelta(minutes=5)) -> None:
        """Expand what the queue holds, moving the clock to each moment at which more is due."""
        end = self.world.clock.now() + until
        while waiting := [message for message in self.world.changes.waiting() if message.due <= end]:
            next_due = min(message.due for message in waiting)
            self.world.clock.advance(max(next_due - self.world.clock.now(), timedelta()))
            for message in self.world.changes.take():
                self.changes.expand(message.body, redelivered=message.dequeue_count > 1)
                self.world.changes.done(message)

    def work(self, *, until: timedelta = timedelta(minutes=30)) -> None:
        """Carry out the jobs that the queue holds, moving the clock to each moment at which more is due."""
        end = self.world.clock.now() + until
        while waiting := [message for message in self.world.jobs.waiting() if message.due <= end]:
            next_due = min(message.due for message in waiting)
            self.world.clock.advance(max(next_due - self.world.clock.now(), timedelta()))
            for message in self.world.jobs.take():
                self.jobs.run(message.body)
                self.world.jobs.done(message)

    def go_on(self, *, until: timedelta) -> None:
        """Live for a while: tick, carry out jobs, and expand what they found."""
        end = self.world.clock.now() + until
        while self.world.clock.now() < end:
            self.timers.tick()
            tick_over = self.world.clock.now() + TICK
            self.work(until=TICK)
            self.expand_queued(until=max(tick_over - self.world.clock.now(), timedelta()))
            self.world.clock.advance(max(tick_over - self.world.clock.now(), timedelta()))


class Died(BaseException):
    """The process was killed."""


@dataclass
class Fate:
    """Kills a process at its *at*-th call to the outside, before the call's work or after it."""

    at: int
    after: bool
    calls: int = 0
    died: bool = False
    _lock: Lock = field(default_factory=Lock)

    def over(self, port: Any) -> Any:
        """Return *port* with this fate."""
        return _Mortal(port, self)

    def meet(self, *, after: bool) -> None:
        """Die where it is time."""
        with self._lock:
            self.calls += 0 if after else 1
            if self.died or (self.calls == self.at and after is self.after):
                self.died = True
                raise Died


class _Mortal:
    def __init__(self, port: Any, fate: Fate) -> None:
        self._port = port
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._fate.meet(after=False)
            result = found(*args, **kwargs)
            self._fate.meet(after=True)
            return result

        return call


def survive(world: World, *, at: int, after: bool) -> None:
    """Carry out the jobs in a process that dies at its *at*-th call, then in one that lives."""
    doomed = world.process(Fate(at=at, after=after).over)
    for message in world.jobs.take():
        try:
            doomed.jobs.run(message.body)
        except Died:
            world.jobs.return_(message)
        else:
            world.jobs.done(message)
    world.process().work()
