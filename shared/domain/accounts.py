"""
Accounts: the mailboxes that we watch, from registration to removal.

Theory of the states. A registration is stored first and connected by a job afterwards, so every state is one row that
anybody may find after a crash. What Microsoft answers decides: a refusal that only a human can mend ends in
`authenticationError`; anything else ends in `connectError` and is tried again by itself. A job that finds its work done
changes nothing, so it may run twice.
"""

import hashlib
import unicodedata
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from shared.domain.fields import Email, plain
from shared.domain.masking import MASK, masked_url
from shared.domain.models import ApiModel, Carried, OrNewer
from shared.domain.moments import iso

_UNSEEN = frozenset({"Cf", "Zl", "Zp"})
# They join or part what stands beside them, so that one sees them by it: Persian, scripts of India, and emoji.
# https://www.unicode.org/reports/tr31/#Layout_and_Format_Control_Characters
_JOINERS = frozenset("\u200c\u200d")


class AccountState(StrEnum):
    """Where an account stands, in EmailEngine's words; `init` is a registration that no job has taken yet."""

    NEW = "init"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    AUTHENTICATION_ERROR = "authenticationError"
    CONNECT_ERROR = "connectError"
    DELETED = "deleted"


_ANY_OUTCOME = frozenset(
    {
        AccountState.CONNECTED,
        AccountState.AUTHENTICATION_ERROR,
        AccountState.CONNECT_ERROR,
        AccountState.NEW,
        AccountState.DELETED,
    }
)
TRANSITIONS: Mapping[str, frozenset[AccountState]] = {
    AccountState.NEW: frozenset({AccountState.CONNECTING, AccountState.DELETED}),
    AccountState.CONNECTING: _ANY_OUTCOME,
    AccountState.CONNECTED: frozenset({AccountState.NEW, AccountState.CONNECTING, AccountState.DELETED})
    | {AccountState.AUTHENTICATION_ERROR, AccountState.CONNECT_ERROR},
    # The sidecar goes on trying by itself, so a mailbox may open, or be refused, without another attempt in between.
    AccountState.AUTHENTICATION_ERROR: frozenset({AccountState.NEW, AccountState.CONNECTING, AccountState.DELETED})
    | {AccountState.CONNECTED},
    AccountState.CONNECT_ERROR: frozenset({AccountState.NEW, AccountState.CONNECTING, AccountState.DELETED})
    | {AccountState.CONNECTED, AccountState.AUTHENTICATION_ERROR},
    AccountState.DELETED: frozenset({AccountState.NEW}),
}
# What a newer version means by a state of its own is not known here, so nothing may stand in the way of a next one.
_OF_A_NEWER_STATE = frozenset(AccountState)


def account_key(account: str) -> str:
    """
    Returns the key that stands for *account* in tables, queues and client states: 26 characters of [a-z2-7].

    Derived, so no lookup leads from one to the other, and short enough for Graph's 128-character client state.
    """
    return b32encode(hashlib.sha256(account.encode()).digest()[:16]).decode().rstrip("=").lower()


def _account_id(value: str) -> str:
    # What nobody sees, or what turns the text around, makes an id look like another one.
    if any(_is_hidden(value, at) for at in range(len(plain(value)))):
        raise ValueError("must not hold invisible characters")
    if value in {".", ".."} or "%2f" in value.lower():
        raise ValueError("must not be a step of a path (. or ..) nor hold %2F: no URL could name it")
    return value


def _is_hidden(value: str, at: int) -> bool:
    if unicodedata.category(value[at]) not in _UNSEEN:
        return False
    if value[at] not in _JOINERS or not 0 < at < len(value) - 1:
        return True
    beside = value[at - 1] + value[at + 1]
    # Nothing of ASCII is joined to anything.
    return beside.isascii() or not all(map(_is_visible, beside))


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    return category not in _UNSEEN and not category.startswith("Z")


AccountId = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_account_id)]


# EmailEngine's states; an account here is never in some of them, and asking for those finds none.
ListedState = Literal[
    "init",
    "unset",
    "connecting",
    "syncing",
    "connected",
    "authenticationError",
    "connectError",
    "disconnected",
    "paused",
]


class AccountQuery(ApiModel):
    """The query of `GET /v1/accounts`: pages as EmailEngine counts them, or an opaque cursor that costs O(page)."""

    page: Annotated[int, Field(ge=0, le=1_048_576)] = 0
    page_size: Annotated[int, Field(ge=1, le=1000)] = 20
    cursor: Annotated[str, StringConstraints(max_length=2048)] | None = None
    state: ListedState | None = None
    query: Annotated[str, StringConstraints(max_length=256)] | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """
    How an account gets into a mailbox: through an application, as itself or with a user's grant.

    `user` is the mailbox. With a grant, `principal` is who signed in, and `parent` the account that lends the grant.
    """

    app: str
    user: str
    grant: str | None = None
    principal: str | None = None
    parent: str | None = None


class LastError(Carried):
    """
    Why an account does not work: what was answered, its code, and what a human should do.

    `permanent` is a refusal that only a human ends; anything else is tried again by itself.
    """

    response: str
    code: str
    description: str | None = None
    token_request: dict[str, Any] | None = None
    permanent: bool = False


class Subscription(Carried):
    """
    Graph's promise to call us about one mailbox, until `expires`; `renewed` is when we last moved that.

    `service_url` is the address that it calls, where we were told; `signed_with` is the id of the key that signed its
    client state, where we made it ourselves.
    """

    id: str
    expires: datetime
    created: datetime
    renewed: datetime | None = None
    service_url: str | None = None
    signed_with: str | None = None

    def calls(self, service_url: str) -> bool:
        """Tells whether it calls *service_url*, as far as we know."""
        return self.service_url in {None, service_url}


class FormerSubscription(Carried):
    """A subscription that an account no longer wants, and the application that must end it."""

    app: str
    id: str


class Claim(Carried):
    """A job's right to create this account's subscription, until a moment at which its process counts as dead."""

    holder: str
    until: datetime


class Account(Carried):
    """
    An account as it is stored. `incarnation` tells apart two registrations under one id.

    `app`, `user`, `grant`, `principal` and `parent` are its Access; one with a grant is read through IMAP.

    `attempts` counts the failed connections in a row, `error_count` the permanent refusals that were announced. It is
    `polling` while Graph cannot call us. `swept` is the moment up to which a sweep has looked, `next_sweep` names the
    one sweep that goes on, and `silent_finds` counts the sweeps in a row that found mail that nobody had announced.
    """

    id: str
    key: str
    incarnation: str
    name: str | None = None
    email: Email | None = None
    app: str
    user: str
    grant: str | None = None
    principal: str | None = None
    parent: str | None = None
    webhooks: str | None = None
    has_custom_headers: bool = False
    options: dict[str, Any] = Field(default_factory=dict)
    state: OrNewer[AccountState] = AccountState.NEW
    last_error: LastError | None = None
    error_count: int = 0
    attempts: int = 0
    initialized: bool = False
    next_attempt: datetime | None = None
    subscription: Subscription | None = None
    former_subscriptions: tuple[FormerSubscription, ...] = ()
    claim: Claim | None = None
    watched_since: datetime | None = None
    polling: bool = False
    swept: datetime | None = None
    next_sweep: datetime | None = None
    silent_finds: int = 0
    created: datetime
    updated: datetime

    def can_become(self, state: str) -> bool:
        """Tells whether the table of transitions leads from here to *state*."""
        return state == self.state or state in TRANSITIONS.get(self.state, _OF_A_NEWER_STATE)

    def become(self, state: str, **changes: Any) -> "Account":
        """Returns this account in *state*; raises ValueError for a transition that the table does not know."""
        if not self.can_become(state):
            raise ValueError(f"An account cannot go from {self.state} to {state}.")
        return self.model_copy(update={"state": state, **changes})

    def former(self, subscription: Subscription | None) -> tuple[FormerSubscription, ...]:
        """Returns what must still be ended, with *subscription* among it."""
        if subscription is None:
            return self.former_subscriptions
        return (*self.former_subscriptions, FormerSubscription(app=self.app, id=subscription.id))

    @property
    def access(self) -> Access:
        """How it gets into its mailbox."""
        return Access(self.app, self.user, self.grant, self.principal, self.parent)

    @property
    def registration(self) -> str:
        """What tells this registration apart from others under the id, which all begin with the key and a dash."""
        return f"{self.key}-{hashlib.sha256(self.incarnation.encode()).hexdigest()[:8]}"

    @property
    def webhook(self) -> str:
        """The id of the webhook that receives this registration's events when it has its own."""
        return f"account-{self.registration}"


class AccountView(ApiModel):
    """An account as `GET /v1/account/{account}` shows it, field by field as EmailEngine does."""

    account: str
    name: str | None
    email: str | None
    state: str
    last_error: dict[str, Any] | None
    type: str
    app: str
    base_scopes: Literal["api", "imap"]
    oauth2: dict[str, Any]
    webhooks: str | None
    webhooks_custom_headers: list[dict[str, str]] | None
    path: Any
    subconnections: list[str] | None
    logs: bool
    locale: str | None
    tz: str | None
    notify_from: Any
    outlook_subscription: dict[str, Any] | None
    polling: bool
    last_sweep: str | None
    silent_finds: int
    next_attempt: str | None


class AccountListEntry(ApiModel):
    """An account as `GET /v1/accounts` lists it."""

    account: str
    name: str | None
    email: str | None
    type: str
    app: str
    state: str
    webhooks: str | None
    last_error: dict[str, Any] | None


def error_view(account: Account) -> dict[str, Any] | None:
    """Returns `lastError` as the API shows it: nothing while the account is connected, but for why it polls."""
    if account.last_error is None or (account.state is AccountState.CONNECTED and not account.polling):
        return None
    error = account.last_error
    shown: dict[str, Any] = {"response": error.response, "serverResponseCode": error.code}
    if error.description:
        shown["description"] = error.description
    if error.token_request:
        shown["tokenRequest"] = error.token_request
    return shown


def view(account: Account, *, provider: str) -> AccountView:
    """Returns *account* as the API shows it; *provider* is its application's."""
    options = account.options
    subscription = account.subscription
    return AccountView(
        account=account.id,
        name=account.name,
        email=account.email,
        state=account.state,
        last_error=error_view(account),
        type=provider,
        app=account.app,
        base_scopes="imap" if account.grant else "api",
        oauth2={"provider": account.app, "auth": _auth(account)},
        webhooks=masked_url(account.webhooks),
        webhooks_custom_headers=[{"key": key, "value": MASK} for key in options.get("customHeaderNames", [])] or None,
        path=options.get("path", "*"),
        subconnections=options.get("subconnections"),
        logs=options.get("logs", False),
        locale=options.get("locale"),
        tz=options.get("tz"),
        notify_from=options.get("notifyFrom"),
        outlook_subscription=None
        if subscription is None
        else {
            "id": subscription.id,
            "expirationDateTime": iso(subscription.expires),
            "state": {"state": "created", "time": int(subscription.created.timestamp() * 1000)},
        },
        polling=account.polling,
        last_sweep=iso(account.swept) if account.swept else None,
        silent_finds=account.silent_finds,
        next_attempt=iso(account.next_attempt) if account.next_attempt else None,
    )


def _auth(account: Account) -> dict[str, str]:
    if account.parent:
        return {"delegatedUser": account.user, "delegatedAccount": account.parent}
    if account.principal and account.principal.lower() != account.user.lower():
        return {"user": account.principal, "delegatedUser": account.user}
    return {"user": account.user}


def list_entry(account: Account, *, provider: str) -> AccountListEntry:
    """Returns *account* as the list shows it."""
    return AccountListEntry(
        account=account.id,
        name=account.name,
        email=account.email,
        type=provider,
        app=account.app,
        state=account.state,
        webhooks=masked_url(account.webhooks),
        last_error=error_view(account),
    )
