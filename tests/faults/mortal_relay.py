"""The real services on stores in memory, in a host that starts a new process whenever one dies."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from standardwebhooks import Webhook as StandardWebhook

from shared.domain.accounts import AccountState
from shared.domain.changes import ChangeBatch
from shared.domain.client_state import ClientStates
from shared.domain.deliveries import DeliveryQuery, DeliveryState, Outcome
from shared.domain.folders import Folder, FolderTree
from shared.domain.instance_settings import InstanceSettings
from shared.domain.messages import Message as Mail
from shared.domain.sightings import Sighting, sighting_key
from shared.domain.signatures import SigningSecret
from shared.ports.deliveries import Post
from shared.ports.machine import Machine
from shared.ports.microsoft365 import NotThere, Reading, ReadRequest
from shared.services.changes import Changes
from shared.services.crowds import Crowds
from shared.services.deliveries import Deliveries
from shared.services.endpoints import Endpoints
from shared.services.folders import Folders
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup
from shared.services.meanings import Meanings
from shared.services.notifications import Notifications
from shared.services.permits import Permits
from shared.services.readings import Readings
from shared.services.recent import RecentEvents
from shared.services.replays import Replays
from shared.services.webhooks import Webhooks
from tests.contracts.examples import account, app, webhook
from tests.fakes.clock import START, FakeClock
from tests.fakes.log import FakeLog
from tests.fakes.microsoft365 import FakeMailboxes
from tests.fakes.queues import FakeChangeQueue, FakeJobQueue, FakeQueue, FakeRetryQueue
from tests.fakes.randomness import FakeRandomness
from tests.fakes.stores import (
    FakeAccountStore,
    FakeDeliveryStore,
    FakeFolderStore,
    FakeInstanceSettingsStore,
    FakeOAuth2AppStore,
    FakePermitStore,
    FakeSightingStore,
    FakeWebhookStore,
)
from tests.fakes.vault import FakeVault
from tests.faults.at_once import AtOnce
from tests.faults.fate import Died, Fate, RowByRow, SightingBySighting, mortal

ANNA = account(state=AccountState.CONNECTED, watched_since=START - timedelta(days=1))
STATES = ClientStates({"k1": bytes(32)})
SECRET = "whsec_" + "c2VjcmV0IG9mIHRoaXMgdGVzdCBhbmQgbm8gb3RoZXI="
BROKEN = Outcome(status=500, milliseconds=1)
SILENT = Outcome(error="timeout", milliseconds=15_000)
OVERLOADED = Outcome(status=429, retry_after="90", milliseconds=1)
SCHEDULE = (timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30))
TTL = timedelta(seconds=60)
_GRAPH_REPEATS = timedelta(seconds=10)


def mail(name: str, **changes: Any) -> Mail:
    """Return a message of the inbox that came just now."""
    values: dict[str, Any] = {
        "id": name,
        "folder": "inbox",
        "change_key": "1",
        "received": START,
        "created": START,
        "modified": START,
        "flags": frozenset(),
        "subject": f"Order {name}",
    }
    return Mail(**{**values, **changes})


def notification(kind: str, message: str) -> dict[str, Any]:
    """Return one item of a POST of Graph's."""
    return {
        "subscriptionId": "subscription-1",
        "clientState": STATES.make(ANNA.key),
        "changeType": kind,
        "resourceData": {"id": message},
    }


@dataclass
class Endpoint:
    """The customer's endpoint: keeps what comes, and answers the first attempts of each event with `refusals`."""

    clock: FakeClock
    fate: Fate
    refusals: Sequence[Outcome] = ()
    bodies: defaultdict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    accepted: Counter[str] = field(default_factory=Counter)
    forged: list[str] = field(default_factory=list)

    def send(self, posts: Sequence[Post]) -> list[Outcome]:
        """Take the POSTs one after the other, each an effect of its own."""
        return [self.fate.meet("post", partial(self._take, post)) for post in posts]

    def _take(self, post: Post) -> Outcome:
        event = post.headers["webhook-id"]
        moment = datetime.fromtimestamp(int(post.headers["webhook-timestamp"]), UTC)
        if post.headers["webhook-signature"] != StandardWebhook(SECRET).sign(event, moment, post.body.decode()):
            self.forged.append(event)
        self.bodies[event].append(post.body)
        if len(self.bodies[event]) <= len(self.refusals):
            return self.refusals[len(self.bodies[event]) - 1]
        self.accepted[event] += 1
        return Outcome(status=200, milliseconds=1)


@dataclass(frozen=True)
class Process:
    """The services of one process: when it dies, all that it had in memory goes with it."""

    changes: Changes
    deliveries: Deliveries


@dataclass(frozen=True)
class Told:
    """What came of a run: each event's name and message by its id, and how often it was accepted."""

    fate: Fate
    events: Mapping[str, tuple[str, str]]
    accepted: Mapping[str, int]
    bodies: Mapping[str, Sequence[bytes]]
    forged: Sequence[str]
    states: Collection[DeliveryState]


class MortalRelay:
    """
    The world around the processes: Graph, the mailbox, the stores, the queues, the customer's endpoint.

    `posts` are what Graph sends, one after the other; `mails` is what the mailbox holds, `known` what was told of it
    before; a message in `lagging` is not found by the first read. `meanwhile` happens after each death.
    """

    def __init__(
        self,
        fate: Fate,
        *,
        posts: Sequence[Sequence[dict[str, Any]]],
        mails: Sequence[Mail],
        known: Sequence[Mail] = (),
        lagging: Collection[str] = (),
        refusals: Sequence[Outcome] = (),
        meanwhile: Callable[["MortalRelay"], None] = lambda _relay: None,
    ) -> None:
        self.fate = fate
        self._meanwhile = meanwhile
        self.clock = FakeClock()
        self.mails = {message.id: message for message in mails}
        self.lagging = set(lagging)
        self.graph = FakeQueue[bytes](self.clock)
        self.changes = FakeChangeQueue(self.clock)
        self.retries = FakeRetryQueue(self.clock)
        self.jobs = FakeJobQueue(self.clock)
        self.accounts = FakeAccountStore()
        self.apps = FakeOAuth2AppStore()
        self.folders = FakeFolderStore()
        self.sightings = FakeSightingStore()
        self.permits = FakePermitStore()
        self.webhooks = FakeWebhookStore()
        self.instance = FakeInstanceSettingsStore()
        self.deliveries = FakeDeliveryStore(self.clock)
        self.vault = FakeVault()
        self.endpoint = Endpoint(self.clock, fate, refusals)
        self.accounts.insert(ANNA)
        self.apps.insert(app())
        self.webhooks.insert(webhook())
        tree = {"inbox": Folder(path="INBOX", special_use="\\Inbox"), "archive": Folder(path="Archive")}
        self.folders.put(ANNA.key, FolderTree(folders=tree))
        secrets = json.dumps([SigningSecret(value=SECRET).model_dump(mode="json")])
        reference = self.vault.put("service-secret", secrets)
        self.instance.insert(InstanceSettings(webhooks_enabled=True, webhook_events=("*",), secrets=reference))
        self.sightings.put({sighting_key(ANNA.key, old.id, old.received): Sighting.of(old) for old in known})
        for items in posts:
            self.notify(items)

    def notify(self, items: Sequence[dict[str, Any]]) -> None:
        """Have Graph send a POST."""
        self.graph.hold(json.dumps({"value": list(items)}).encode(), timedelta())

    def run(self) -> Told:
        """Work until no queue holds anything, with a new process after each death, and return what came of it."""
        process = self._start()
        with asyncio.Runner() as ingress:
            while due := self._due():
                self.clock.advance(max(min(due) - self.clock.now(), timedelta()))
                try:
                    self._work(process, ingress)
                except Died:
                    self._meanwhile(self)
                    process = self._start()
        rows = self.deliveries.page(DeliveryQuery(), None, 1000).items
        return Told(
            fate=self.fate,
            events={row.key.event_id: self._subject(row.key.event_id) for row in rows},
            accepted=dict(self.endpoint.accepted),
            bodies=dict(self.endpoint.bodies),
            forged=list(self.endpoint.forged),
            states={row.state for row in rows},
        )

    def _subject(self, event: str) -> tuple[str, str]:
        body = json.loads(self.endpoint.bodies[event][0])
        return body["event"], body["data"]["id"]

    def _due(self) -> list[datetime]:
        queues: Sequence[FakeQueue[Any]] = (self.graph, self.changes, self.retries)
        return [message.due for queue in queues for message in queue.waiting()]

    def _work(self, process: Process, ingress: asyncio.Runner) -> None:
        for post in self.graph.take(most=1):
            try:
                ingress.run(self._accept(post.body))
                self.fate.meet("notification answered", partial(self.graph.done, post))
            except Died:
                # Graph holds no lease: it sends what was not answered again.
                self.graph.return_(post, _GRAPH_REPEATS)
                raise
        for batch in self.changes.take(most=1):
            process.changes.expand(batch.body, redelivered=batch.dequeue_count > 1)
            self.fate.meet("change done", partial(self.changes.done, batch))
        for retry in self.retries.take(most=1):
            process.deliveries.attempt(retry.body, redelivered=retry.dequeue_count > 1)
            self.fate.meet("retry done", partial(self.retries.done, retry))

    async def _accept(self, body: bytes) -> None:
        queue = mortal(self.changes, self.fate, put="notification stored")
        ingress = Notifications(
            client_states=STATES,
            changes=AtOnce(lambda changes: queue.put(ChangeBatch(changes=tuple(changes)))),
            jobs=self.jobs,
            crowds=Crowds(),
            machine=Machine(self.clock, FakeRandomness(), FakeLog()),
        )
        await ingress.accept(body)

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        """Read messages, as the port says."""
        readings: list[Reading] = [
            NotThere() if request.message in self.lagging else self.mails.get(request.message, NotThere())
            for request in requests
        ]
        self.lagging -= {request.message for request in requests}
        return readings

    def _start(self) -> Process:
        machine = Machine(self.clock, FakeRandomness(), FakeLog())
        webhook_lookup = Lookup(self.webhooks.get, self.clock, TTL)
        rows = RowByRow(self.deliveries, self.fate)
        seen = SightingBySighting(self.sightings, self.fate)
        replays = Replays(
            store=self.deliveries,
            webhooks=self.webhooks,
            retries=self.retries,
            jobs=self.jobs,
            machine=machine,
            reach=timedelta(days=21),
        )
        settings = InstanceSettingsService(
            store=self.instance,
            webhooks=Webhooks(self.webhooks, webhook_lookup, replays, self.vault, machine),
            vault=self.vault,
            cached=Lookup(
                lambda _: stored.value if (stored := self.instance.get()) else InstanceSettings(), self.clock, TTL
            ),
            machine=machine,
            public_url="https://relay.example.com",
            allow_http=False,
        )
        deliveries = Deliveries(
            store=mortal(self.deliveries, self.fate, replace="row replaced"),
            rows=AtOnce(rows.add),
            retries=mortal(self.retries, self.fate, put="retry stored"),
            sender=self.endpoint,
            webhook_lookup=webhook_lookup,
            endpoints=Endpoints(self.webhooks, webhook_lookup, self.deliveries, machine),
            settings=settings,
            vault=self.vault,
            machine=machine,
            schedule=SCHEDULE,
            payload_retention=timedelta(days=14),
        )
        folders = Folders(
            Lookup(self.accounts.get, self.clock, TTL),
            Lookup(self.apps.get, self.clock, TTL),
            FakeMailboxes(),
            self.folders,
            kept=Lookup(self.folders.get, self.clock, TTL),
            clock=self.clock,
        )
        recent = RecentEvents()
        changes = Changes(
            accounts=Lookup(self.accounts.get, self.clock, TTL),
            apps=Lookup(self.apps.get, self.clock, TTL),
            folders=folders,
            readings=Readings(
                AtOnce(self.read),
                self,
                Permits(self.permits, machine),
                AtOnce(self.read),
            ),
            meanings=Meanings(self.sightings, deliveries, folders, recent, timedelta(days=40)),
            sighting_rows=AtOnce(seen.put),
            queue=mortal(self.changes, self.fate, put="change stored again"),
            jobs=self.jobs,
            deliveries=deliveries,
            settings=settings,
            recent=recent,
            crowds=Crowds(),
            machine=machine,
        )
        return Process(changes, deliveries)
