"""The control API: each command is one method, called with the JSON object that was posted to /_m365/{command}."""

import asyncio
import base64
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from local.m365 import bulk, mime, moments
from local.m365.directory import EVERYBODY, Application, FederatedCredential, ManagedIdentity, Tenant, User
from local.m365.mailbox import Mailbox
from local.m365.notifications import LIFECYCLE_EVENTS
from local.m365.scopes import OPENID
from local.m365.subscriptions import Subscription
from local.m365.world import World

Command = Callable[..., Awaitable[Any]]
AUDIENCE = "api://AzureADTokenExchange"


class Refused(Exception):
    """A command that cannot be carried out."""


class Control:
    """What a test, a benchmark or the stack runner may do to the simulated service."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def run(self, name: str, arguments: dict[str, Any]) -> Any:
        """Carries out one command by name."""
        command = None if name.startswith("_") or name == "run" else getattr(self, name, None)
        if command is None:
            raise Refused(f"There is no command {name!r}.")
        return await cast("Command", command)(**arguments)

    async def add_tenant(self, tenant: str | None = None, domain: str | None = None) -> dict[str, str]:
        """Founds an organization."""
        identity = (tenant or str(uuid.uuid4())).lower()
        made = Tenant(identity, (domain or f"{identity[:8]}.onmicrosoft.example").lower())
        self._world.directory.tenants[identity] = made
        return {"id": made.id, "domain": made.domain}

    async def add_application(
        self,
        *,
        tenant: str,
        roles: list[str],
        client_id: str | None = None,
        secret: str | None = None,
        secret_expires_in: float = 365 * 86400,
        certificate: str | None = None,
        federated: dict[str, str] | None = None,
        redirect_uris: list[str] | None = None,
        optional_claims: list[str] | None = None,
    ) -> dict[str, str]:
        """Registers an application, or adds a credential to one, and consents to its roles in a tenant."""
        identity = (client_id or str(uuid.uuid4())).lower()
        home = self._tenant(tenant).id
        application = self._world.directory.applications.setdefault(identity, Application(identity, home))
        application.consents[home] = tuple(roles)
        application.redirect_uris += redirect_uris or []
        application.optional_claims += optional_claims or []
        if secret is not None:
            application.secrets[secret] = moments.now() + timedelta(seconds=secret_expires_in)
        if certificate is not None:
            _add_certificate(application, certificate)
        if federated is not None:
            issuer = federated.get("issuer", self._world.issuer(tenant))
            audience = federated.get("audience", AUDIENCE)
            application.federated.append(FederatedCredential(issuer, federated["subject"], audience))
        return {"client_id": identity, "service_principal": application.service_principal(tenant)}

    async def change_application(
        self, client_id: str, *, enabled: bool | None = None, multitenant: bool | None = None
    ) -> None:
        """Disables an application or enables it again, and says whether it is open to every tenant."""
        application = self._world.directory.applications[client_id]
        application.enabled = application.enabled if enabled is None else enabled
        application.multitenant = application.multitenant if multitenant is None else multitenant

    async def consent(self, client_id: str, tenant: str, scopes: list[str], user: str | None = None) -> None:
        """Consents to delegated scopes for one user, or as an administrator for everybody in a tenant."""
        who = EVERYBODY if user is None else self._user(user).id
        self._world.directory.applications[client_id].consent(self._tenant(tenant).id, who, {*scopes, *OPENID})

    async def add_user(
        self, tenant: str, upn: str, name: str | None = None, email: str | None = None
    ) -> dict[str, str]:
        """Makes somebody who can sign in, with or without a mailbox."""
        home = self._tenant(tenant)
        made = User(str(uuid.uuid4()), home.id, upn, name or upn.partition("@")[0], email or upn)
        home.users[made.id] = made
        return {"id": made.id, "tenant": made.tenant, "upn": made.upn, "name": made.name, "email": made.email}

    async def revoke(self, user: str, client_id: str | None = None, code: int = 50173) -> dict[str, int]:
        """Takes a user's refresh tokens back; 65001 takes the consents of the user with them."""
        known = self._user(user)
        if code == 65001:
            for application in self._world.directory.applications.values():
                if client_id in {None, application.client_id}:
                    application.delegated.pop((known.tenant, known.id), None)
        return {"revoked": self._world.grants.revoke(known.id, client_id, code)}

    async def signing_key(self) -> dict[str, str]:
        """The public half of the key that signs every token, PEM, and its id."""
        public = self._world.tokens.public_key
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return {"kid": self._world.tokens.key_id, "pem": pem.decode()}

    async def add_managed_identity(self, tenant: str) -> dict[str, str]:
        """Makes a user-assigned managed identity."""
        made = ManagedIdentity(self._tenant(tenant).id, str(uuid.uuid4()), str(uuid.uuid4()))
        self._world.directory.identities[made.client_id] = made
        header = self._world.identity_header
        return {"client_id": made.client_id, "principal_id": made.principal_id, "identity_header": header}

    async def add_mailbox(
        self,
        *,
        tenant: str,
        address: str,
        upn: str | None = None,
        display_name: str | None = None,
        language: str = "en",
        shared: bool = False,
    ) -> dict[str, str]:
        """Gives somebody a mailbox."""
        identity = str(uuid.uuid4())
        name = display_name or address.partition("@")[0]
        mailbox = Mailbox(identity, tenant, address, upn or address, name, language, shared)
        mailbox.listener = self._world.changed
        home = self._tenant(tenant)
        for key in (identity, mailbox.upn.lower(), address.lower()):
            home.mailboxes[key] = mailbox
        # Nobody signs in as a shared mailbox.
        if not shared:
            home.users[identity] = User(identity, home.id, mailbox.upn, name, address)
        return {"id": identity, "tenant": tenant, "address": address, "upn": mailbox.upn}

    async def refuse_mailbox(self, mailbox: str, status: int | None = None) -> None:
        """Lets every call to a mailbox be answered 403 or 404; null ends it."""
        self._mailbox(mailbox).refusal = status

    async def deliver(
        self, mailbox: str, mime64: str, folder: str = "inbox", received: str | None = None
    ) -> dict[str, str]:
        """Delivers one message."""
        place = self._mailbox(mailbox)
        content = mime.read(base64.b64decode(mime64))
        moment = moments.read(received) if received else moments.now()
        message = place.add(content, place.folder(folder), moment)
        if self._world.faults.strikes("updated_after_created", [message.immutable_id]):
            place.update(message, {"inferenceClassification": "other"})
        return {"id": message.immutable_id}

    async def deliver_many(
        self, mailboxes: list[str], number: int, mimes64: list[str], rate: float | None = None, folder: str = "inbox"
    ) -> list[dict[str, Any]]:
        """Delivers copies of some messages over some mailboxes, at a rate a second or all at once."""
        places = [self._mailbox(name) for name in mailboxes]
        templates = [await asyncio.to_thread(mime.read, base64.b64decode(one)) for one in mimes64]
        return await bulk.deliver(places, templates, number, rate, folder)

    async def update(self, mailbox: str, message: str, values: dict[str, Any]) -> None:
        """Marks a message."""
        place = self._mailbox(mailbox)
        place.update(place.message(message), values)

    async def move(self, mailbox: str, message: str, folder: str) -> None:
        """Moves a message."""
        place = self._mailbox(mailbox)
        place.move(place.message(message), place.folder(folder))

    async def delete(self, mailbox: str, message: str) -> None:
        """Deletes a message for good."""
        place = self._mailbox(mailbox)
        place.remove(place.message(message))

    async def create_folder(self, mailbox: str, name: str, parent: str = "msgfolderroot") -> dict[str, str]:
        """Makes a folder."""
        return {"id": self._mailbox(mailbox).create_folder(name, parent).id}

    async def lifecycle(self, subscription: str, event: str) -> None:
        """Sends a lifecycle event."""
        if event not in LIFECYCLE_EVENTS:
            raise Refused(f"There is no lifecycle event {event!r}.")
        self._world.lifecycle(self._subscription(subscription), event)

    async def remove_subscription(self, subscription: str, *, silently: bool) -> None:
        """Takes a subscription away, as Graph does now and then."""
        found = self._subscription(subscription)
        self._world.subscriptions.remove(found)
        if not silently:
            self._world.lifecycle(found, "subscriptionRemoved")

    async def subscriptions(self) -> list[dict[str, Any]]:
        """Every living subscription, with what Graph would not show."""
        now = moments.now()
        return [
            found.shown(client_state=found.client_state)
            | {"tenant": found.tenant, "mailbox": found.mailbox, "immutable": found.immutable}
            for found in self._world.subscriptions.by_id.values()
            if found.expires > now
        ]

    async def faults(self, **doses: Any) -> None:
        """Sets what goes wrong."""
        self._world.faults.change(doses)

    async def seed(self, value: str) -> None:
        """Begins chance anew."""
        self._world.faults.seed(value)

    async def hits(self) -> list[dict[str, Any]]:
        """What went wrong with which message, lately."""
        return [asdict(hit) for hit in self._world.faults.hits]

    async def behaviour(self, **values: Any) -> None:
        """Sets how the service behaves when nothing is broken."""
        self._world.behaviour.change(values)

    async def stats(self) -> dict[str, Any]:
        """What the service saw."""
        return {
            **self._world.stats.report(),
            "faults": dict(self._world.faults.happened),
            "high_water": dict(self._world.throttle.high_water),
            "waiting": self._world.notifier.waiting(),
        }

    async def reset_stats(self) -> None:
        """Starts counting again."""
        self._world.stats.reset()
        self._world.throttle.high_water.clear()

    async def reset(self) -> None:
        """Forgets everything."""
        self._world.reset()

    def _tenant(self, name: str) -> Tenant:
        found = self._world.directory.tenant(name)
        if found is None:
            raise Refused(f"There is no tenant {name!r}.")
        return found

    def _user(self, name: str) -> User:
        found = self._world.directory.user(name)
        if found is None:
            raise Refused(f"There is no user {name!r}.")
        return found

    def _mailbox(self, name: str) -> Mailbox:
        found = self._world.directory.anywhere(name)
        if found is None:
            raise Refused(f"There is no mailbox {name!r}.")
        return found

    def _subscription(self, identity: str) -> Subscription:
        found = self._world.subscriptions.by_id.get(identity)
        if found is None:
            raise Refused(f"There is no subscription {identity!r}.")
        return found


def _add_certificate(application: Application, pem: str) -> None:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise Refused("Only a certificate with an RSA key can sign with PS256.")
    application.certificates[thumbprint] = key
