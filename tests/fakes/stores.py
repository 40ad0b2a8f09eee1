"""Stores in memory, with the real ones' promises: ETags, keys that are taken, deliveries that stay delivered."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import RLock
from typing import Generic, TypeVar

from shared.domain.accounts import Account, AccountState
from shared.domain.census import Counted
from shared.domain.deliveries import Delivery, DeliveryKey, DeliveryQuery, overrules
from shared.domain.errors import Changed, FieldProblem, InvalidRequest
from shared.domain.folders import FolderTree
from shared.domain.instance_settings import InstanceSettings
from shared.domain.oauth2 import OAuth2App
from shared.domain.permits import Permit
from shared.domain.quotas import QuotaUse
from shared.domain.rate_limits import RequestCount
from shared.domain.sightings import Sighting, SightingKey
from shared.domain.tokens import Token
from shared.domain.webhooks import Webhook
from shared.ports.machine import Clock
from shared.ports.records import Page, Stored
from tests.fakes.due import FakeCursorStore

Value = TypeVar("Value")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Records(Generic[Value]):
    """Values by key, each with an ETag that no other write has."""

    def __init__(self) -> None:
        self._records: dict[str, Stored[Value]] = {}
        self._etags = count(1)
        self._lock = RLock()

    def read(self, key: str) -> Stored[Value] | None:
        """Return what is kept under *key*."""
        with self._lock:
            return self._records.get(key)

    def write(self, key: str, value: Value) -> Stored[Value]:
        """Overwrite what is kept under *key*."""
        with self._lock:
            stored = Stored(value, f'W/"{next(self._etags)}"')
            self._records[key] = stored
            return stored

    def add(self, key: str, value: Value) -> Stored[Value]:
        """Keep *value* under a free key."""
        with self._lock:
            if key in self._records:
                raise Changed("A record with this key is there already.")
            return self.write(key, value)

    def swap(self, key: str, value: Value, etag: str) -> Stored[Value]:
        """Overwrite what was read with *etag*."""
        with self._lock:
            known = self._records.get(key)
            if known is None or known.etag != etag:
                raise Changed("The record is another one now, or gone.")
            return self.write(key, value)

    def remove(self, key: str, etag: str | None = None) -> bool:
        """Forget *key*, where it is still what was read with *etag*, and tell whether it was known."""
        with self._lock:
            known = self._records.get(key)
            if known is not None and etag not in (None, known.etag):
                raise Changed("The record is another one now.")
            return self._records.pop(key, None) is not None

    def sorted(self) -> list[tuple[str, Value]]:
        """Return everything in the order of the keys."""
        with self._lock:
            return [(key, stored.value) for key, stored in sorted(self._records.items())]

    def slice(self, position: dict[str, str] | None, limit: int, wanted: Sequence[tuple[str, Value]]) -> Page[Value]:
        """Return up to *limit* of the *wanted*, which are in order, after *position*."""
        if position is not None and position.keys() != {"after"}:
            raise InvalidRequest(FieldProblem("cursor", '"cursor" must be one that an earlier page returned'))
        left = [item for item in wanted if position is None or item[0] > position["after"]]
        shown = left[:limit]
        return Page([value for _, value in shown], {"after": shown[-1][0]} if len(left) > limit else None)


class FakeFolderStore:
    """Keeps folder trees."""

    def __init__(self) -> None:
        self._trees: dict[str, FolderTree] = {}

    def get(self, key: str) -> FolderTree | None:
        """Return the tree."""
        return self._trees.get(key)

    def put(self, key: str, tree: FolderTree) -> None:
        """Overwrite the tree."""
        self._trees[key] = tree

    def drop(self, key: str) -> None:
        """Forget the tree, as a store does whose account goes."""
        self._trees.pop(key, None)


class FakeAccountStore:
    """Keeps accounts; what hangs on them is in *folders* and *cursors*."""

    def __init__(self, folders: FakeFolderStore | None = None, cursors: FakeCursorStore | None = None) -> None:
        self._records = Records[Account]()
        self._folders = folders or FakeFolderStore()
        self._cursors = cursors or FakeCursorStore()

    def get(self, key: str) -> Stored[Account] | None:
        """Return the account."""
        return self._records.read(key)

    def get_with_folders(self, key: str) -> tuple[Stored[Account] | None, FolderTree | None]:
        """Return the account and its folders."""
        return self.get(key), self._folders.get(key)

    def get_with_cursors(self, key: str) -> tuple[Stored[Account] | None, Mapping[str, str]]:
        """Return the account and its links."""
        return self.get(key), self._cursors.get(key)

    def insert(self, account: Account) -> Stored[Account]:
        """Add an account."""
        return self._records.add(account.key, account)

    def replace(self, account: Account, etag: str) -> Stored[Account]:
        """Overwrite an account."""
        return self._records.swap(account.key, account, etag)

    def delete(self, key: str, etag: str | None) -> None:
        """Remove an account and what hangs on it."""
        if etag is None and self._records.read(key) is not None:
            raise Changed("Another account is there by now.")
        self._records.remove(key, etag)
        self._folders.drop(key)
        self._cursors.drop(key)

    def page(self, position: dict[str, str] | None, limit: int, *, state: AccountState | None = None) -> Page[Account]:
        """Return a page."""
        wanted = [item for item in self._records.sorted() if state is None or item[1].state is state]
        return self._records.slice(position, limit, wanted)

    def all(self) -> Iterator[Account]:
        """Return every account."""
        return (account for _, account in self._records.sorted())

    def count(self) -> Iterator[Counted]:
        """Return what a census asks."""
        for account in self.all():
            expires = account.subscription.expires if account.subscription else None
            yield Counted(str(account.state), expires, polling=account.polling)


class FakeMailboxStore:
    """Keeps who watches a mailbox."""

    def __init__(self) -> None:
        self._records = Records[str]()

    def bind(self, app: str, user: str, account: str) -> str:
        """Bind the mailbox where it is free."""
        while True:
            with suppress(Changed):
                return self._records.add(_mailbox(app, user), account).value
            if known := self.holder(app, user):
                return known.value

    def holder(self, app: str, user: str) -> Stored[str] | None:
        """Return who watches the mailbox."""
        return self._records.read(_mailbox(app, user))

    def rebind(self, app: str, user: str, account: str, etag: str) -> None:
        """Bind the mailbox that was read."""
        self._records.swap(_mailbox(app, user), account, etag)

    def release(self, app: str, user: str, etag: str) -> None:
        """Free the mailbox that was read."""
        self._records.remove(_mailbox(app, user), etag)


class FakeOAuth2AppStore:
    """Keeps applications."""

    def __init__(self) -> None:
        self._records = Records[OAuth2App]()

    def get(self, app: str) -> Stored[OAuth2App] | None:
        """Return the application."""
        return self._records.read(app)

    def insert(self, app: OAuth2App) -> None:
        """Add an application."""
        self._records.add(app.id, app)

    def replace(self, app: OAuth2App, etag: str) -> None:
        """Overwrite an application."""
        self._records.swap(app.id, app, etag)

    def delete(self, app: str, etag: str | None = None) -> None:
        """Remove an application."""
        self._records.remove(app, etag)

    def all(self) -> Iterator[OAuth2App]:
        """Return every application."""
        return (app for _, app in self._records.sorted())


class FakeSightingStore:
    """Keeps sightings."""

    def __init__(self) -> None:
        self._sightings: dict[SightingKey, Sighting] = {}

    def get(self, key: SightingKey) -> Sighting | None:
        """Return the sighting."""
        return self._sightings.get(key)

    def put(self, sightings: Mapping[SightingKey, Sighting]) -> None:
        """Overwrite sightings."""
        self._sightings.update(sightings)

    def all(self) -> dict[SightingKey, Sighting]:
        """Return every sighting."""
        return dict(self._sightings)

    def drop(self, key: SightingKey) -> None:
        """Forget a sighting."""
        del self._sightings[key]

    def forget(self, first_kept: str) -> int:
        """Forget the months before *first_kept*, and return how many there were."""
        old = [key for key in self._sightings if key.day[:6] < first_kept]
        for key in old:
            del self._sightings[key]
        return len({key.day[:6] for key in old})


class FakeWebhookStore:
    """Keeps webhooks."""

    def __init__(self) -> None:
        self._records = Records[Webhook]()

    def get(self, webhook: str) -> Stored[Webhook] | None:
        """Return the webhook."""
        return self._records.read(webhook)

    def insert(self, webhook: Webhook) -> None:
        """Add a webhook."""
        self._records.add(webhook.id, webhook)

    def replace(self, webhook: Webhook, etag: str) -> None:
        """Overwrite the webhook that was read."""
        self._records.swap(webhook.id, webhook, etag)

    def delete(self, webhook: str) -> None:
        """Remove the webhook."""
        self._records.remove(webhook)


class FakeDeliveryStore:
    """Keeps deliveries and their payloads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records = Records[Delivery]()
        self._payloads: dict[str, bytes] = {}
        self._lock = RLock()

    def add(self, deliveries: Sequence[tuple[Delivery, bytes]]) -> None:
        """Store deliveries; a row that is there stays, unless it is overruled."""
        with self._lock:
            for delivery, payload in deliveries:
                place = _place(delivery.key)
                known = self._records.read(place)
                if known is None or overrules(delivery.state, known.value.state):
                    self._records.write(place, delivery)
                    self._payloads[place] = payload

    def get(self, key: DeliveryKey) -> Stored[Delivery] | None:
        """Return the delivery."""
        return self._records.read(_place(key))

    def payload(self, key: DeliveryKey) -> bytes | None:
        """Return the bytes while they have not expired."""
        known = self._records.read(_place(key))
        if known is None or known.value.payload_expires < self._clock.now():
            return None
        return self._payloads[_place(key)]

    def replace(self, delivery: Delivery, etag: str) -> None:
        """Overwrite the delivery that was read."""
        self._records.swap(_place(delivery.key), delivery, etag)

    def page(self, query: DeliveryQuery, position: dict[str, str] | None, limit: int) -> Page[Delivery]:
        """Return a page, the newest day first."""
        wanted = [
            (place, delivery)
            for place, delivery in self._records.sorted()
            if query.account in (None, delivery.account)
            and query.event_id in (None, delivery.key.event_id)
            and query.webhook in (None, delivery.key.webhook)
            and query.state in (None, delivery.state)
            and (query.since is None or delivery.key.moment >= query.since.timestamp() * 1000)
            and (query.until is None or delivery.key.moment < query.until.timestamp() * 1000)
        ]
        return self._records.slice(position, limit, wanted)

    def all(self) -> dict[str, Stored[Delivery]]:
        """Return every delivery by its place, the newest day first."""
        places = [place for place, _ in self._records.sorted()]
        return {place: stored for place in places if (stored := self._records.read(place))}

    def drop(self, place: str, etag: str) -> None:
        """Forget the delivery that was read, and its payload."""
        self._records.remove(place, etag)
        self._payloads.pop(place, None)

    def forget(self, first_kept: str) -> int:
        """Forget the months before *first_kept*, and return how many there were."""
        old = [(place, _month(each)) for place, each in self._records.sorted() if _month(each) < first_kept]
        for place, _ in old:
            self._records.remove(place)
        return len({month for _, month in old})


def _mailbox(app: str, user: str) -> str:
    return f"{app}\n{user.lower()}"


def _month(delivery: Delivery) -> str:
    return (EPOCH + timedelta(milliseconds=delivery.key.moment)).strftime("%Y%m")


def _place(key: DeliveryKey) -> str:
    day = key.moment // 86_400_000
    return f"{10**9 - day:010}|{key.webhook}|{10**16 - key.moment:017}|{key.event_id}"


class FakePermitStore:
    """Keeps permits; `requests` counts what was asked of it."""

    def __init__(self) -> None:
        self._records = Records[Permit]()
        self.requests = 0

    def of(self, mailbox: str) -> list[Stored[Permit]]:
        """Return the permits of a mailbox."""
        self.requests += 1
        found = (self._records.read(key) for key, permit in self._records.sorted() if permit.mailbox == mailbox)
        return [stored for stored in found if stored]

    def insert(self, permit: Permit) -> Stored[Permit]:
        """Add a permit."""
        self.requests += 1
        return self._records.add(f"{permit.mailbox}/{permit.place}", permit)

    def replace(self, permit: Permit, etag: str) -> Stored[Permit]:
        """Overwrite a permit."""
        self.requests += 1
        return self._records.swap(f"{permit.mailbox}/{permit.place}", permit, etag)


class FakeTokenStore:
    """Keeps access tokens."""

    def __init__(self) -> None:
        self._records = Records[Token]()

    def get(self, token: str) -> Token | None:
        """Return the token."""
        known = self._records.read(token)
        return known.value if known else None

    def insert(self, token: Token) -> None:
        """Add a token."""
        self._records.write(token.id, token)

    def delete(self, token: str) -> bool:
        """Remove the token and tell whether there was one."""
        return self._records.remove(token)

    def all(self) -> Iterator[Token]:
        """Return every token."""
        return (token for _, token in self._records.sorted())


class FakeInstanceSettingsStore:
    """Keeps the instance's settings."""

    def __init__(self) -> None:
        self._records = Records[InstanceSettings]()

    def get(self) -> Stored[InstanceSettings] | None:
        """Return the settings."""
        return self._records.read("instance")

    def insert(self, settings: InstanceSettings) -> None:
        """Write them for the first time."""
        self._records.add("instance", settings)

    def replace(self, settings: InstanceSettings, etag: str) -> None:
        """Overwrite the settings that were read."""
        self._records.swap("instance", settings, etag)


class FakeQuotaStore:
    """Keeps what is used of quotas; `reads` and `writes` count."""

    def __init__(self) -> None:
        self._records = Records[QuotaUse]()
        self.reads = 0
        self.writes = 0

    def get(self, scope: str) -> Stored[QuotaUse] | None:
        """Return what is used."""
        self.reads += 1
        return self._records.read(scope)

    def insert(self, scope: str, use: QuotaUse) -> None:
        """Write it for the first time."""
        self.writes += 1
        self._records.add(scope, use)

    def replace(self, scope: str, use: QuotaUse, etag: str) -> None:
        """Overwrite what was read."""
        self.writes += 1
        self._records.swap(scope, use, etag)


class FakeRateLimitStore:
    """Keeps counts of requests; `requests` counts what it was asked."""

    def __init__(self) -> None:
        self._records = Records[RequestCount]()
        self.requests = 0

    def get(self, token: str) -> Stored[RequestCount] | None:
        """Return the count."""
        self.requests += 1
        return self._records.read(token)

    def insert(self, token: str, count: RequestCount) -> Stored[RequestCount]:
        """Write it for the first time."""
        self.requests += 1
        return self._records.add(token, count)

    def replace(self, token: str, count: RequestCount, etag: str) -> Stored[RequestCount]:
        """Overwrite what was read."""
        self.requests += 1
        return self._records.swap(token, count, etag)

    def delete(self, token: str) -> None:
        """Remove the count."""
        self.requests += 1
        self._records.remove(token)
