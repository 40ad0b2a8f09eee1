"""Microsoft 365 in memory: mailboxes with messages, subscriptions, and an application that signs in."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from threading import Lock

from shared.domain.accounts import Subscription
from shared.domain.client_state import key_id_of
from shared.domain.folders import Folder, FolderTree
from shared.domain.mailboxes import Registration
from shared.domain.messages import Message
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Clock
from shared.ports.microsoft365 import AppCheck, NotThere, Reading, ReadRequest

WEEK = timedelta(days=7)
TREE = FolderTree(
    folders={
        "inbox-id": Folder(path="INBOX", special_use="\\Inbox"),
        "archive-id": Folder(path="Archive", special_use="\\Archive"),
    }
)


@dataclass
class Troubles:
    """What the next calls run into: each takes one, and raises it; None lets a call through."""

    waiting: deque[Exception | None] = field(default_factory=deque)

    def add(self, *troubles: Exception | None) -> None:
        """Make the next calls fail."""
        self.waiting.extend(troubles)

    def strike(self) -> None:
        """Raise what is next."""
        trouble = self.waiting.popleft() if self.waiting else None
        if trouble is not None:
            raise trouble


class FakeMessageReader:
    """Reads messages; `instead` holds what the next readings of a message are, before the mailbox is asked."""

    def __init__(self) -> None:
        self.messages: dict[str, Message] = {}
        self.instead: dict[str, deque[Reading]] = {}
        self.rounds: list[list[ReadRequest]] = []

    def keep(self, *messages: Message) -> None:
        """Put messages into the mailbox, in place of those with the same ids."""
        self.messages |= {message.id: message for message in messages}

    def next(self, message: str, *readings: Reading) -> None:
        """Make the next readings of a message come out so."""
        self.instead.setdefault(message, deque()).extend(readings)

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        """Return one reading for each request."""
        self.rounds.append(list(requests))
        return [self._read(request.message) for request in requests]

    def _read(self, message: str) -> Reading:
        if self.instead.get(message):
            return self.instead[message].popleft()
        return self.messages.get(message, NotThere())


class FakeMailboxes:
    """Opens mailboxes; `meanwhile` is called while one is being opened."""

    def __init__(self) -> None:
        self.tree = TREE
        self.troubles = Troubles()
        self.probed: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def probe(self, app: OAuth2App, user: str, registration: Registration | None = None) -> FolderTree:
        """Return the folder tree."""
        self.probed.append(user)
        self.meanwhile()
        self.troubles.strike()
        return self.tree


@dataclass(frozen=True)
class Subscribed:
    """A subscription as Graph keeps it."""

    app: str
    user: str
    client_state: str
    subscription: Subscription


class FakeSubscriptions:
    """
    Keeps subscriptions and counts them.

    Like Graph on a bad day, it makes a second one for the same mailbox without a word. `meanwhile` is called while one
    is being created, `lost` makes the next answers get lost after the work was done.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ids = count(1)
        self._lock = Lock()
        self.live: dict[str, Subscribed] = {}
        self.created = 0
        self.renewed: list[str] = []
        self.troubles = Troubles()
        self.renewal_troubles = Troubles()
        self.deletion_troubles = Troubles()
        self.lost = Troubles()
        self.meanwhile: Callable[[], None] = lambda: None

    def create(self, app: OAuth2App, user: str, client_state: str, service_url: str) -> Subscription:
        """Subscribe for a week."""
        self.meanwhile()
        self.troubles.strike()
        now = self._clock.now()
        with self._lock:
            name = f"subscription-{next(self._ids)}"
            made = Subscription(
                id=name,
                expires=now + WEEK,
                created=now,
                service_url=service_url,
                signed_with=key_id_of(client_state),
            )
            self.live[made.id] = Subscribed(app.id, user, client_state, made)
            self.created += 1
        self.lost.strike()
        return made

    def find(self, app: OAuth2App, user: str, service_url: str) -> list[Subscription]:
        """Return the subscriptions to a mailbox."""
        with self._lock:
            return [each.subscription for each in self.live.values() if (each.app, each.user) == (app.id, user)]

    def renew(self, app: OAuth2App, subscription: str) -> Subscription | None:
        """Move the expiry to a week from now."""
        self.renewal_troubles.strike()
        with self._lock:
            known = self.live.get(subscription)
            if known is None:
                return None
            self.renewed.append(subscription)
            return known.subscription.model_copy(update={"expires": self._clock.now() + WEEK})

    def delete(self, app: OAuth2App, subscription: str) -> None:
        """End a subscription, where there is one."""
        self.deletion_troubles.strike()
        with self._lock:
            self.live.pop(subscription, None)

    def of(self, user: str) -> list[str]:
        """Return the ids of the subscriptions to a mailbox."""
        with self._lock:
            return [name for name, each in self.live.items() if each.user == user]


class FakeTokenInspector:
    """Signs in with these roles."""

    def __init__(self) -> None:
        self.roles: tuple[str, ...] = ("Mail.ReadWrite", "Mail.Send")
        self.troubles = Troubles()

    def inspect(self, app: OAuth2App) -> AppCheck:
        """Return what the token holds."""
        self.troubles.strike()
        return AppCheck(self.roles)


class FakeEndpointProbe:
    """Reaches our own address."""

    def __init__(self) -> None:
        self.troubles = Troubles()
        self.reached: list[str] = []

    def reach(self, service_url: str) -> None:
        """Make the handshake."""
        self.troubles.strike()
        self.reached.append(service_url)
