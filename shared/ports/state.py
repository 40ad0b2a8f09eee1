"""What we keep of accounts and applications, of messages and of ourselves."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shared.domain.accounts import Account, AccountState
from shared.domain.census import Counted
from shared.domain.due import Due, Heartbeat
from shared.domain.erasures import Trace, TraceKind
from shared.domain.flows import Flow
from shared.domain.folders import FolderTree
from shared.domain.grants import Grant
from shared.domain.instance_settings import InstanceSettings
from shared.domain.oauth2 import OAuth2App
from shared.domain.permits import Permit
from shared.domain.poison import Poisoned
from shared.domain.quotas import QuotaUse
from shared.domain.rate_limits import RequestCount
from shared.domain.sightings import Sighting, SightingKey
from shared.domain.tokens import Token
from shared.ports.records import Page, Stored


class AccountStore(Protocol):
    """Keeps accounts by key."""

    def get(self, key: str) -> Stored[Account] | None:
        """Returns the account as it is now."""

    def get_with_folders(self, key: str) -> tuple[Stored[Account] | None, FolderTree | None]:
        """Returns the account as it is now and the tree that a FolderStore keeps of it, in one request."""

    def get_with_cursors(self, key: str) -> tuple[Stored[Account] | None, Mapping[str, str]]:
        """Returns the account as it is now and the links that a CursorStore keeps of it, in one request."""

    def insert(self, account: Account) -> Stored[Account]:
        """Adds an account; raises Changed where its key is taken."""

    def replace(self, account: Account, etag: str) -> Stored[Account]:
        """Overwrites the account that was read with *etag*; raises Changed where it is another one now, or gone."""

    def delete(self, key: str, etag: str | None) -> None:
        """
        Removes the account that was read with *etag*, and all that hangs on it; None where it was gone already.

        Raises Changed where it is another one now. One that is gone is fine; what was written for it since, goes.
        """

    def page(self, position: dict[str, str] | None, limit: int, *, state: AccountState | None = None) -> Page[Account]:
        """Returns up to *limit* accounts after *position*, in the order of their keys."""

    def all(self) -> Iterator[Account]:
        """Returns every account, in the order of their keys; it costs O(accounts)."""

    def count(self) -> Iterator[Counted]:
        """Returns what a census asks of every account, a thousand to a request, and no account itself."""


class MailboxStore(Protocol):
    """Keeps which account watches a mailbox, so that no mailbox is watched twice."""

    def bind(self, app: str, user: str, account: str) -> str:
        """Binds the mailbox to *account* where it is free, and returns the id of the account that holds it."""

    def holder(self, app: str, user: str) -> Stored[str] | None:
        """Returns the id of the account that holds the mailbox."""

    def rebind(self, app: str, user: str, account: str, etag: str) -> None:
        """Binds what was read with *etag* to *account*; raises Changed where it was bound anew, or is free."""

    def release(self, app: str, user: str, etag: str) -> None:
        """Frees the mailbox that was read with *etag*; raises Changed where it is bound anew; a free one is fine."""


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

    def put_all(self, entries: Sequence[Due]) -> None:
        """Adds entries as `put` does, as few writes as the store allows."""

    def within(self, since: datetime, until: datetime, limit: int) -> list[Due]:
        """Returns up to *limit* entries that are due from the hour of *since* on and by *until*, the earliest first."""

    def remove(self, entries: Sequence[Due]) -> None:
        """Removes entries, as few writes as the store allows; what is gone already is fine."""

    def heartbeat(self) -> Stored[Heartbeat] | None:
        """Returns how far the ticks have come, or None before the first."""

    def beat(self, heartbeat: Heartbeat, etag: str | None) -> str:
        """
        Overwrites the heartbeat that was read with *etag*, None where there was none, and returns the new ETag.

        Raises Changed where it is another one now.
        """


class OAuth2AppStore(Protocol):
    """Keeps OAuth2 applications by id."""

    def get(self, app: str) -> Stored[OAuth2App] | None:
        """Returns the application."""

    def insert(self, app: OAuth2App) -> None:
        """Adds an application; raises Changed where its id is taken."""

    def replace(self, app: OAuth2App, etag: str) -> None:
        """Overwrites the application that was read with *etag*; raises Changed where it is another one now."""

    def delete(self, app: str, etag: str | None = None) -> None:
        """Removes the application, with *etag* only as it was read: else raises Changed; one that is gone is fine."""

    def all(self) -> Iterator[OAuth2App]:
        """Returns every application in the order of their ids (there are few), but for those of a newer version."""


class SightingStore(Protocol):
    """Keeps what we last knew of messages."""

    def get(self, key: SightingKey) -> Sighting | None:
        """Returns the sighting."""

    def put(self, sightings: Mapping[SightingKey, Sighting]) -> None:
        """Overwrites them, as few writes as the store allows."""


class PermitStore(Protocol):
    """Keeps who may read a crowded mailbox: one permit for each place."""

    def of(self, mailbox: str) -> list[Stored[Permit]]:
        """Returns the permits of a mailbox, in the order of their places, those that are over too."""

    def insert(self, permit: Permit) -> Stored[Permit]:
        """Adds a permit; raises Changed where its place was ever taken."""

    def replace(self, permit: Permit, etag: str) -> Stored[Permit]:
        """Overwrites the permit that was read with *etag*; raises Changed where it is another one now."""


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

    def remove(self, poison_id: str, etag: str) -> None:
        """Removes the message that was read with *etag*; raises Changed where it is another one now; gone is fine."""

    def waiting(self, limit: int) -> int:
        """Returns how many messages nobody has requeued, counting up to *limit*."""


class QuotaStore(Protocol):
    """Keeps what is used of quotas, for all processes."""

    def get(self, scope: str) -> Stored[QuotaUse] | None:
        """Returns what is used of the quota *scope*, or None before anybody used it."""

    def insert(self, scope: str, use: QuotaUse) -> None:
        """Writes it for the first time; raises Changed where somebody was faster."""

    def replace(self, scope: str, use: QuotaUse, etag: str) -> None:
        """Overwrites the use that was read with *etag*; raises Changed where it is another one now."""


class RateLimitStore(Protocol):
    """Keeps how many requests each token made; what a request waits for, so a store that is silent raises soon."""

    def get(self, token: str) -> Stored[RequestCount] | None:
        """Returns the count of the token with this id, or None before its first request."""

    def insert(self, token: str, count: RequestCount) -> Stored[RequestCount]:
        """Writes it for the first time; raises Changed where somebody was faster."""

    def replace(self, token: str, count: RequestCount, etag: str) -> Stored[RequestCount]:
        """Overwrites the count that was read with *etag*; raises Changed where it is another one now, or gone."""

    def delete(self, token: str) -> None:
        """Removes the count; one that is gone is fine."""


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


class Retention(Protocol):
    """Lets go of what is old."""

    def purge(self, before: datetime) -> int:
        """
        Drops the deliveries, payloads, sightings and poison of every month that lies wholly before *before*.

        One request for each table that goes, whatever is in it; returns how many went. What was dropped reads as empty.
        """


class TraceStore(Protocol):
    """Finds what is kept of an account in the tables of every month, and removes it."""

    def page(self, kind: TraceKind, account: str, position: dict[str, str] | None, limit: int) -> Page[Trace]:
        """
        Returns up to *limit* traces of the account with this id after *position*, those of all its registrations.

        Storage looks at every row of that kind for it, so a page may hold few and yet lead on.
        """

    def remove(self, kind: TraceKind, traces: Sequence[Trace]) -> None:
        """
        Removes *traces*, as few writes as the store allows.

        Raises Changed where one is another row now, or gone; some are removed then and some are not.
        """


class GrantStore(Protocol):
    """Keeps grants by id."""

    def get(self, grant: str) -> Stored[Grant] | None:
        """Returns the grant as it is now."""

    def insert(self, grant: Grant) -> Stored[Grant]:
        """Adds a grant; raises Changed where its id is taken."""

    def replace(self, grant: Grant, etag: str) -> Stored[Grant]:
        """Overwrites the grant that was read with *etag*; raises Changed where it is another one now, or gone."""

    def delete(self, grant: str, etag: str) -> None:
        """Removes the grant that was read with *etag*; raises Changed where it is another now; a gone one is fine."""

    def all(self) -> Iterator[Grant]:
        """Returns every grant; it costs O(grants)."""


class FlowStore(Protocol):
    """Keeps sign-ins that are under way; what the protocol needs is sealed."""

    def put(self, flow: Flow) -> None:
        """Adds a flow."""

    def take(self, flow: str) -> Flow | None:
        """Removes the flow and returns it; of all who ask, one gets it."""

    def use(self, link: str, flow: str, until: datetime) -> bool:
        """Marks the link as used by a flow, until a moment, and tells whether it was that flow."""

    def unuse(self, link: str) -> None:
        """Takes the mark back."""

    def purge(self, before: datetime) -> int:
        """Removes what ended before *before* and returns how many that were."""
