"""Microsoft 365: signing in, mail and its history, subscriptions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.accounts import Subscription
from shared.domain.folders import FolderTree
from shared.domain.mailboxes import Registration
from shared.domain.messages import Message
from shared.domain.oauth2 import OAuth2App
from shared.domain.quotas import CallKind


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
    """
    A message to read: `complete` with body, headers and attachments, or only what tells whether it changed.

    `registration` is in whose name, which the sidecar asks; `text_bytes` is how much of each of its texts is wanted, as
    they were sent.
    """

    app: OAuth2App
    user: str
    message: str
    complete: bool
    registration: Registration | None = None
    text_bytes: int = 2 * 1024 * 1024


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

    def probe(self, app: OAuth2App, user: str, registration: Registration | None = None) -> FolderTree:
        """
        Opens the mailbox, in the name of *registration* where users sign in, and returns its folder tree.

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
    """
    What one look at a mailbox shows.

    `arrived` is what came lately, `modified` which older mail was changed lately, both in all folders; `folders` is
    what changed in the watched ones, removals too.
    """

    arrived: Listing
    modified: Listing
    folders: Mapping[str, FolderChanges]


class History(Protocol):
    """
    Tells what happened in a mailbox while nobody called us.

    All methods raise TryLater, MailboxRefused or SignInRefused.
    """

    def glance(self, app: OAuth2App, user: str, since: datetime, links: Mapping[str, str | None]) -> Glance:
        """
        Looks once, with one call to Graph.

        Shows what was received at or after *since* in every folder, and what was received before and modified at or
        after it, each the oldest first, and the changes of each folder in *links* since its link; where that is None
        the folder's round begins now, with nothing.
        """

    def list(self, app: OAuth2App, user: str, link: str) -> Listing:
        """Returns the page that a listing's link leads to; it may repeat messages, and passes over none."""

    def follow(self, app: OAuth2App, user: str, folder: str, link: str) -> FolderChanges:
        """Returns the page that a folder's link leads to."""


class CallQuotas(Protocol):
    """Spends what Graph allows, over all processes together."""

    def spend(self, app: OAuth2App, kind: CallKind) -> None:
        """Spends one call of the application's quota in its tenant; raises QuotaSpent where none is left now."""


class Subscriptions(Protocol):
    """
    Has Graph call us about a mailbox.

    Whoever calls a method has spent one call of its kind: a list for `find`, a write for the others. What a method
    needs beyond that it spends itself, and raises QuotaSpent where nothing is left.
    """

    def create(self, app: OAuth2App, user: str, client_state: str, service_url: str) -> Subscription:
        """
        Subscribes to every change of the mailbox, with immutable ids, for 7 days.

        Where Graph says that we are subscribed already, that subscription is adopted. Raises MailboxRefused where a
        human must mend something, NoRoom where the mailbox has too many subscriptions, and TryLater for the rest (our
        own endpoint that did not answer, NotReachable, included).
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


class EndpointProbe(Protocol):
    """Asks whether our own public address answers."""

    def reach(self, service_url: str) -> None:
        """Makes Graph's handshake with our notification endpoint; raises TryLater with what was found instead."""
