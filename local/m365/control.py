"""The control API's client: what a test or a benchmark says to the simulated Microsoft 365."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

DEFAULT_ROLES = ("Mail.ReadWrite", "Mail.Send")


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organization."""

    id: str
    domain: str


@dataclass(frozen=True, slots=True)
class Application:
    """An app registration with consent in a tenant."""

    client_id: str
    service_principal: str


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """A user-assigned managed identity, and the header that its endpoint asks for."""

    client_id: str
    principal_id: str
    identity_header: str


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can sign in; `id` is the object id."""

    id: str
    tenant: str
    upn: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox; `id` is the user's object id."""

    id: str
    tenant: str
    address: str
    upn: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """One message of a bulk delivery, and when it came, in seconds since the epoch."""

    mailbox: str
    id: str
    internet_message_id: str
    at: float


class Microsoft365:
    """Speaks to /_m365/ of a running server; every call is done when it returns."""

    def __init__(self, url: str, authority: Path) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.verify = str(authority)
        # With it, REQUESTS_CA_BUNDLE would win over the authority above, and a proxy over loopback.
        self._session.trust_env = False

    def add_tenant(self, tenant: str | None = None, *, domain: str | None = None) -> Tenant:
        """Founds an organization."""
        return Tenant(**self._run("add_tenant", tenant=tenant, domain=domain))

    def add_application(
        self,
        tenant: str,
        *,
        roles: Sequence[str] = DEFAULT_ROLES,
        client_id: str | None = None,
        secret: str | None = None,
        secret_expires_in: float = 365 * 86400,
        certificate: str | None = None,
        federated: dict[str, str] | None = None,
        redirect_uris: Sequence[str] = (),
        optional_claims: Sequence[str] = (),
    ) -> Application:
        """
        Registers an application, or adds a credential, a tenant or a redirect URI to a known one.

        `certificate` is PEM; `federated` holds `subject`, and `issuer` and `audience` unless they are the usual ones.
        """
        made = self._run(
            "add_application",
            tenant=tenant,
            roles=list(roles),
            client_id=client_id,
            secret=secret,
            secret_expires_in=secret_expires_in,
            certificate=certificate,
            federated=federated,
            redirect_uris=list(redirect_uris),
            optional_claims=list(optional_claims),
        )
        return Application(**made)

    def change_application(
        self, client_id: str, *, enabled: bool | None = None, multitenant: bool | None = None
    ) -> None:
        """Disables an application or enables it again, and says whether it is open to every tenant."""
        self._run("change_application", client_id=client_id, enabled=enabled, multitenant=multitenant)

    def consent(self, client_id: str, tenant: str, scopes: Sequence[str], *, user: str | None = None) -> None:
        """Consents to delegated scopes for one user, or as an administrator for everybody in a tenant."""
        self._run("consent", client_id=client_id, tenant=tenant, scopes=list(scopes), user=user)

    def add_user(self, tenant: str, upn: str, *, name: str | None = None, email: str | None = None) -> User:
        """Makes somebody who can sign in; a mailbox that is not shared brings its user by itself."""
        return User(**self._run("add_user", tenant=tenant, upn=upn, name=name, email=email))

    def revoke(self, user: str, *, client_id: str | None = None, code: int = 50173) -> int:
        """
        Takes a user's refresh tokens back, for one application or all, and returns how many.

        They are refused with `code` from then on: 50173 (password changed), 700082 (not used for too long), 65001 (the
        consents of the user are taken back too).
        """
        return int(self._run("revoke", user=user, client_id=client_id, code=code)["revoked"])

    def signing_key(self) -> tuple[str, str]:
        """The id and the public half (PEM) of the key that signs every token, for a mail server that checks them."""
        made = self._run("signing_key")
        return made["kid"], made["pem"]

    def add_managed_identity(self, tenant: str) -> ManagedIdentity:
        """Makes a user-assigned managed identity."""
        return ManagedIdentity(**self._run("add_managed_identity", tenant=tenant))

    def add_mailbox(
        self,
        tenant: str,
        address: str,
        *,
        upn: str | None = None,
        display_name: str | None = None,
        language: str = "en",
        shared: bool = False,
    ) -> Mailbox:
        """Gives somebody a mailbox; `language` (en, de, et) names its folders."""
        made = self._run(
            "add_mailbox",
            tenant=tenant,
            address=address,
            upn=upn,
            display_name=display_name,
            language=language,
            shared=shared,
        )
        return Mailbox(**made)

    def refuse_mailbox(self, mailbox: str, status: int | None) -> None:
        """Lets every call to a mailbox be answered 403 or 404; None ends it."""
        self._run("refuse_mailbox", mailbox=mailbox, status=status)

    def deliver(self, mailbox: str, mime: bytes, folder: str = "inbox", *, received: str | None = None) -> str:
        """Delivers one message and returns its immutable id."""
        mime64 = base64.b64encode(mime).decode()
        made = self._run("deliver", mailbox=mailbox, mime64=mime64, folder=folder, received=received)
        return str(made["id"])

    def deliver_many(
        self,
        mailboxes: Sequence[str],
        number: int,
        mimes: Sequence[bytes],
        *,
        rate: float | None = None,
        folder: str = "inbox",
    ) -> list[Delivered]:
        """Delivers copies of some messages in turn, at a rate a second or in one burst."""
        mimes64 = [base64.b64encode(mime).decode() for mime in mimes]
        arguments = {"mailboxes": list(mailboxes), "number": number, "mimes64": mimes64, "rate": rate, "folder": folder}
        rows = self._run("deliver_many", **arguments)
        return [Delivered(row["mailbox"], row["id"], row["internetMessageId"], row["at"]) for row in rows]

    def set_read(self, mailbox: str, message: str, *, read: bool = True) -> None:
        """Marks a message as read or unread."""
        self._run("update", mailbox=mailbox, message=message, values={"isRead": read})

    def set_flag(self, mailbox: str, message: str, status: str = "flagged") -> None:
        """Flags a message: flagged, complete or notFlagged."""
        self._run("update", mailbox=mailbox, message=message, values={"flag": {"flagStatus": status}})

    def move(self, mailbox: str, message: str, folder: str) -> None:
        """Moves a message to a folder, by id or well-known name."""
        self._run("move", mailbox=mailbox, message=message, folder=folder)

    def delete(self, mailbox: str, message: str) -> None:
        """Deletes a message for good."""
        self._run("delete", mailbox=mailbox, message=message)

    def create_folder(self, mailbox: str, name: str, *, parent: str = "msgfolderroot") -> str:
        """Makes a folder and returns its id."""
        return str(self._run("create_folder", mailbox=mailbox, name=name, parent=parent)["id"])

    def lifecycle(self, subscription: str, event: str) -> None:
        """Sends reauthorizationRequired, subscriptionRemoved or missed."""
        self._run("lifecycle", subscription=subscription, event=event)

    def remove_subscription(self, subscription: str, *, silently: bool) -> None:
        """Takes a subscription away, with or without telling."""
        self._run("remove_subscription", subscription=subscription, silently=silently)

    def subscriptions(self) -> list[dict[str, Any]]:
        """Every living subscription, with clientState, tenant, mailbox and kind of ids."""
        return list(self._run("subscriptions"))

    def faults(self, **doses: Any) -> None:
        """Sets what goes wrong: `lost=0.1`, or `inner_429={"count": 3, "retry_after": 2}`; see `faults.FAULTS`."""
        self._run("faults", **doses)

    def seed(self, value: str) -> None:
        """Begins chance anew, so that the same calls meet the same faults."""
        self._run("seed", value=value)

    def hits(self) -> list[dict[str, Any]]:
        """What went wrong with which message, lately: `fault`, `message`, `at` in seconds since the epoch."""
        return list(self._run("hits"))

    def behaviour(self, **values: Any) -> None:
        """Sets how the service behaves when nothing is broken; see `behaviour.Behaviour`."""
        self._run("behaviour", **values)

    def stats(self) -> dict[str, Any]:
        """Calls by kind, pushes, acknowledgement times, faults that happened, requests at a time for each mailbox."""
        return dict(self._run("stats"))

    def reset_stats(self) -> None:
        """Starts counting again."""
        self._run("reset_stats")

    def reset(self) -> None:
        """Forgets everything."""
        self._run("reset")

    def _run(self, command: str, **arguments: Any) -> Any:
        # A bulk delivery takes as long as its rate says.
        answer = self._session.post(f"{self.url}/_m365/{command}", json=arguments, timeout=3600)
        if answer.status_code != 200:
            raise ValueError(answer.json()["error"] if answer.content else f"HTTP {answer.status_code}")
        return answer.json()
