"""
Ports: everything that the use cases ask of the outside, on one page.

Promises that hold for all of them: a call has a timeout; what is busy, throttled or unreachable raises TryLater; a
write that lost a race raises Changed; no secret stands in any exception's text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from shared.domain.accounts import Account, AccountState, Subscription
from shared.domain.changes import ChangeBatch
from shared.domain.deliveries import Delivery, DeliveryKey, DeliveryQuery, Outcome, Retry
from shared.domain.due import Due, Heartbeat
from shared.domain.folders import FolderTree
from shared.domain.instance_settings import InstanceSettings
from shared.domain.jobs import Job
from shared.domain.messages import Message
from shared.domain.oauth2 import OAuth2App
from shared.domain.poison import Poisoned
from shared.domain.sightings import Sighting, SightingKey
from shared.domain.tokens import Token
from shared.domain.webhooks import Webhook

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Stored(Generic[Value]):
    """A record as it was read: writing it back with this `etag` tells whether somebody else wrote in between."""

    value: Value
    etag: str


@dataclass(frozen=True, slots=True)
class Page(Generic[Value]):
    """Some records in the store's order, and the position after them; None at the end."""

    items: Sequence[Value]
    position: dict[str, str] | None


# --- the machine ---


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Returns the moment, aware, in UTC."""


class Randomness(Protocol):
    """Makes what nobody can guess, and chance."""

    def account_id(self) -> str:
        """Returns 16 characters of [0-9a-z]."""

    def app_id(self) -> str:
        """Returns 16 base64url characters that sort by time."""

    def nonce(self) -> str:
        """Returns 22 base64url characters."""

    def token(self) -> str:
        """Returns 64 hex digits."""

    def fraction(self) -> float:
        """Returns a number in [0, 1), for jitter."""


class Log(Protocol):
    """Keeps one structured line per unit of work."""

    def event(self, name: str, **fields: object) -> None:
        """Writes the event *name* (`delivery.attempted`) with its fields; never mail content, never a secret."""

    def problem(self, name: str, **fields: object) -> None:
        """Writes an event that an operator should look at."""


# --- state ---


class AccountStore(Protocol):
    """Keeps accounts by key."""

    def get(self, key: str) -> Stored[Account] | None:
        """Returns the account as it is now."""

    def insert(self, account: Account) -> Stored[Account]:
        """Adds an account; raises Changed where its key is taken."""

    def replace(self, account: Account, etag: str) -> Stored[Account]:
        """Overwrites the account that was read with *etag*; raises Changed where it is another one now, or gone."""

    def delete(self, key: str, etag: str) -> None:
        """
        Removes the account that was read with *etag*, and all that hangs on it.

        Raises Changed where it is another one now; one that is gone is fine.
        """

    def page(self, position: dict[str, str] | None, limit: int, *, state: AccountState | None = None) -> Page[Account]:
        """Returns up to *limit* accounts after *position*, in the order of their keys."""

    def all(self) -> Iterator[Account]:
        """Returns every account, in the order of their keys; it costs O(accounts)."""


class MailboxStore(Protocol):
    """Keeps which account watches a mailbox, so that no mailbox is watched twice."""

    def bind(self, app: str, user: str, account: str) -> str:
        """Binds the mailbox to *account* where it is free, and returns the id of the account that holds it."""

    def holder(self, app: str, user: str) -> str | None:
        """Returns the id of the account that holds the mailbox."""

    def release(self, app: str, user: str, account: str) -> None:
        """Frees the mailbox where *account* holds it."""


class FolderStore(Protocol):
    """Keeps each account's folder tree."""

    def get(self, key: str) -> FolderTree | None:
        """Returns the tree of the account *key*, where one was read before."""

    def put(self, key: str, tree: FolderTree) -> None:
        """Overwrites the tree of the account *key*."""


class CursorStore(Protocol):
    """Keeps how far an account's folders were followed: Graph's delta link for each watched folder."""

    def get(self, key: str) -> dict[str, str]:
        """Returns the links of the account *key* by folder; none for what was never followed."""

    def put(self, key: str, links: Mapping[str, str]) -> None:
        """Overwrites the links of the account *key*; they go with the account."""


class DueStore(Protocol):
    """Keeps the due index."""

    def put(self, due: Due) -> None:
        """Adds an entry; the same entry a second time changes nothing."""

    def within(self, hour: datetime, until: datetime, limit: int) -> list[Due]:
        """Returns up to *limit* entries that are due in the hour from *hour* on and by *until*, the earliest first."""

    def remove(self, entries: Sequence[Due]) -> None:
        """Removes entries, as few writes as the store allows; what is gone already is fine."""

    def heartbeat(self) -> Heartbeat | None:
        """Returns how far the ticks have come, or None before the first."""

    def beat(self, heartbeat: Heartbeat) -> None:
        """Overwrites how far the ticks have come."""


class OAuth2AppStore(Protocol):
    """Keeps OAuth2 applications by id."""

    def get(self, app: str) -> Stored[OAuth2App] | None:
        """Returns the application."""

    def insert(self, app: OAuth2App) -> None:
        """Adds an application; raises Changed where its id is taken."""

    def replace(self, app: OAuth2App, etag: str) -> None:
        """Overwrites the application that was read with *etag*; raises Changed where it is another one now."""

    def delete(self, app: str) -> None:
        """Removes the application; a second time does nothing."""

    def all(self) -> Iterator[OAuth2App]:
        """Returns every application in the order of their ids (there are few)."""


class SightingStore(Protocol):
    """Keeps what we last knew of messages."""

    def get(self, key: SightingKey) -> Sighting | None:
        """Returns the sighting."""

    def put(self, sightings: Mapping[SightingKey, Sighting]) -> None:
        """Overwrites them, as few writes as the store allows."""


class WebhookStore(Protocol):
    """Keeps webhooks by id."""

    def get(self, webhook: str) -> Stored[Webhook] | None:
        """Returns the webhook as it is now."""

    def put(self, webhook: Webhook) -> None:
        """Overwrites the webhook, whatever it was."""

    def replace(self, webhook: Webhook, etag: str) -> None:
        """Overwrites the webhook that was read with *etag*; raises Changed where it is another one now, or gone."""

    def delete(self, webhook: str) -> None:
        """Removes the webhook; a second time does nothing."""


class DeliveryStore(Protocol):
    """Keeps deliveries with the bytes that they send."""

    def add(self, deliveries: Sequence[tuple[Delivery, bytes]]) -> None:
        """
        Stores deliveries with their payloads, as few writes as the store allows.

        Where a row exists already, a delivered one stays as it is and any other is overwritten, so that any order of
        crashes and repetitions converges.
        """

    def get(self, key: DeliveryKey) -> Stored[Delivery] | None:
        """Returns the delivery without its payload."""

    def payload(self, key: DeliveryKey) -> bytes | None:
        """Returns the exact bytes that were stored, or None where they have expired."""

    def replace(self, delivery: Delivery, etag: str) -> None:
        """Overwrites the delivery that was read with *etag*, not its payload; raises Changed where it is another."""

    def page(self, query: DeliveryQuery, position: dict[str, str] | None, limit: int) -> Page[Delivery]:
        """Returns up to *limit* deliveries that *query* asks for, the newest day first."""


class Retention(Protocol):
    """Lets go of what is old."""

    def purge(self, before: datetime) -> int:
        """
        Drops the deliveries, payloads and sightings of every month that lies wholly before *before*.

        One request for each table that goes, whatever is in it; returns how many went. What was dropped reads as empty.
        """


class PoisonStore(Protocol):
    """Keeps messages that the host gave up."""

    def keep(self, poisoned: Poisoned) -> None:
        """Adds a message; the same a second time changes nothing, its mark neither."""

    def get(self, poison_id: str) -> Stored[Poisoned] | None:
        """Returns the message."""

    def replace(self, poisoned: Poisoned, etag: str) -> None:
        """Overwrites the message that was read with *etag*; raises Changed where it is another one now."""

    def page(self, position: dict[str, str] | None, limit: int) -> Page[Poisoned]:
        """Returns up to *limit* messages after *position*, the newest first."""


class TokenStore(Protocol):
    """Keeps access tokens by id."""

    def get(self, token: str) -> Token | None:
        """Returns the token."""

    def insert(self, token: Token) -> None:
        """Adds a token."""

    def delete(self, token: str) -> bool:
        """Removes the token and tells whether there was one."""

    def all(self) -> Iterator[Token]:
        """Returns every token in the order of their ids."""


class InstanceSettingsStore(Protocol):
    """Keeps the one record of the instance's settings."""

    def get(self) -> Stored[InstanceSettings] | None:
        """Returns the settings, or None before anybody wrote them."""

    def insert(self, settings: InstanceSettings) -> None:
        """Writes them for the first time; raises Changed where somebody was faster."""

    def replace(self, settings: InstanceSettings, etag: str) -> None:
        """Overwrites the settings that were read with *etag*; raises Changed where they are others now."""


class Vault(Protocol):
    """Keeps secrets. A reference names one secret for ever: another value has another reference."""

    def put(self, name: str, secret: str) -> str:
        """Stores *secret* under *name* (letters, digits and `-`) and returns the reference to it."""

    def get(self, reference: str) -> str:
        """Returns the secret; raises NotFound where it was removed."""

    def delete(self, reference: str) -> None:
        """Removes the secret; a second time does nothing."""


# --- queues ---


class ChangeQueue(Protocol):
    """Holds changes until they are expanded into deliveries."""

    def put(self, batch: ChangeBatch, delay: timedelta = timedelta()) -> None:
        """Queues *batch*, hidden for *delay*, in as many messages as it needs; each is taken at least once."""


class RetryQueue(Protocol):
    """Holds the attempts that are due later."""

    def put(self, retry: Retry, delay: timedelta) -> None:
        """Queues *retry*, hidden for *delay* (at most 7 days); it is taken at least once."""


class JobQueue(Protocol):
    """Holds background work."""

    def put(self, job: Job, delay: timedelta = timedelta()) -> None:
        """Queues *job*, hidden for *delay* (at most 7 days); it is taken at least once."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A message that the host gave up, as it was taken: `receipt` is what removes it."""

    queue: str
    id: str
    receipt: str
    body: str
    takes: int
    given_up: datetime


class PoisonQueue(Protocol):
    """Holds what the host gave up, for all queues."""

    def take(self) -> list[GivenUp]:
        """Returns some messages and hides them for some minutes; none where nothing is left."""

    def remove(self, message: GivenUp) -> None:
        """Removes a message that was taken; one that is gone is fine."""

    def requeue(self, queue: str, body: str) -> None:
        """Puts *body* on the queue where it failed, to be taken at least once."""


# --- Microsoft 365 ---


class TokenSource(Protocol):
    """Signs applications in."""

    def token(self, app: OAuth2App) -> str:
        """
        Returns an access token for Graph, from memory while one is good.

        One token serves all accounts of an application and tenant; callers that ask at the same time share one request.
        Raises SignInRefused where a human must mend something.
        """

    def forget(self, app: OAuth2App) -> None:
        """Drops the token in memory, for one that Graph refuses."""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A message to read: `complete` with body, headers and attachments, or only what tells whether it changed."""

    app: OAuth2App
    user: str
    message: str
    complete: bool


@dataclass(frozen=True, slots=True)
class NotThere:
    """The mailbox answered, and it has no such message."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The message could not be read now; `error` says why and whether waiting helps."""

    error: Exception


Reading = Message | NotThere | Unread


class MessageReader(Protocol):
    """Reads messages, many at a time."""

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        """Returns one reading for each request, in their order; what concerns one message never raises."""


class Mailboxes(Protocol):
    """Opens mailboxes."""

    def probe(self, app: OAuth2App, user: str) -> FolderTree:
        """
        Opens the mailbox and returns its folder tree.

        Needs no permission but Mail.Read: it asks for the inbox, not for the directory. Raises MailboxRefused where a
        human must mend something.
        """


@dataclass(frozen=True, slots=True)
class Listing:
    """Messages that a mailbox holds (not complete ones), and the link to more of them; None at the end."""

    messages: Sequence[Message]
    next: str | None


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """
    What changed in one folder since a link, and the link to go on from.

    `more` says that the link leads to more of the same round. `reset` says that Graph had forgotten the link, so that
    the round began anew: what was removed meanwhile is not in it.
    """

    messages: Sequence[Message]
    removed: Sequence[str]
    link: str
    more: bool
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Glance:
    """What one look at a mailbox shows: what came lately in all folders, and what changed in the watched ones."""

    listing: Listing
    folders: Mapping[str, FolderChanges]


class History(Protocol):
    """
    Tells what happened in a mailbox while nobody called us.

    All methods raise TryLater, MailboxRefused or SignInRefused.
    """

    def glance(self, app: OAuth2App, user: str, since: datetime, links: Mapping[str, str | None]) -> Glance:
        """
        Looks once, with one call to Graph.

        Shows what was received at or after *since* in every folder, the oldest first, and the changes of each folder in
        *links* since its link; where that is None the folder's round begins now, with nothing.
        """

    def list(self, app: OAuth2App, link: str) -> Listing:
        """Returns the page that a listing's link leads to."""

    def follow(self, app: OAuth2App, user: str, folder: str, link: str) -> FolderChanges:
        """Returns the page that a folder's link leads to."""


class Subscriptions(Protocol):
    """Has Graph call us about a mailbox."""

    def create(self, app: OAuth2App, user: str, client_state: str, service_url: str) -> Subscription:
        """
        Subscribes to every change of the mailbox, with immutable ids, for 7 days.

        Where Graph says that we are subscribed already, that subscription is adopted. Raises MailboxRefused where a
        human must mend something, and TryLater for the rest (our own endpoint that did not answer included).
        """

    def find(self, app: OAuth2App, user: str, service_url: str) -> list[Subscription]:
        """Returns the application's subscriptions to this mailbox that call us. Dear: Graph allows few such calls."""

    def renew(self, app: OAuth2App, subscription: str) -> Subscription | None:
        """Moves the expiry to 7 days from now, which reauthorizes too; None where the subscription is gone."""

    def delete(self, app: OAuth2App, subscription: str) -> None:
        """Ends the subscription; one that is gone already is fine."""


@dataclass(frozen=True, slots=True)
class AppCheck:
    """What an application's token holds: `roles` are the application permissions that were consented to."""

    roles: tuple[str, ...]


class TokenInspector(Protocol):
    """Looks into a fresh token, for diagnosis only."""

    def inspect(self, app: OAuth2App) -> AppCheck:
        """Signs in anew, past every cache, and returns what the token holds; raises SignInRefused or TryLater."""


# --- the customer ---


@dataclass(frozen=True, slots=True)
class Post:
    """One POST to a webhook: `lane` keeps a slow endpoint from holding up the others."""

    lane: str
    url: str
    headers: Mapping[str, str]
    body: bytes


BUSY = Outcome(error="busy", milliseconds=0)


class WebhookSender(Protocol):
    """Posts to customers' endpoints, and to nothing else."""

    def send(self, posts: Sequence[Post]) -> list[Outcome]:
        """
        Makes all POSTs in parallel and returns their outcomes in the same order; never raises.

        A POST whose lane stays full for a while is not made and comes back as BUSY. Redirects are not followed, private
        and platform addresses are refused when connecting, an answer is bounded in time and size.
        """


class EndpointProbe(Protocol):
    """Asks whether our own public address answers."""

    def reach(self, service_url: str) -> None:
        """Makes Graph's handshake with our notification endpoint; raises TryLater with what was found instead."""


class Dependency(Protocol):
    """Something that the product needs and that may not answer."""

    name: str

    def check(self) -> None:
        """Returns in well under a second where it answers; raises TryLater where it does not."""
