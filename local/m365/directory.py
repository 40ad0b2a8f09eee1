"""The tenants, with their applications, managed identities and mailboxes."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from local.m365.mailbox import Mailbox


@dataclass(frozen=True, slots=True)
class FederatedCredential:
    """Whose token an application accepts in place of a secret."""

    issuer: str
    subject: str
    audience: str


@dataclass(slots=True)
class Application:
    """An app registration, and the roles that each tenant's administrator consented to."""

    client_id: str
    enabled: bool = True
    #: Secret to the moment it expires.
    secrets: dict[str, datetime] = field(default_factory=dict)
    #: Public key by the certificate's x5t#S256.
    certificates: dict[str, RSAPublicKey] = field(default_factory=dict)
    federated: list[FederatedCredential] = field(default_factory=list)
    #: Tenant id to the roles that its tokens carry.
    consents: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def service_principal(self, tenant: str) -> str:
        """The object id of this application's representative in a tenant."""
        return str(uuid.uuid5(uuid.UUID(tenant), self.client_id))


@dataclass(slots=True)
class ManagedIdentity:
    """A user-assigned managed identity."""

    tenant: str
    client_id: str
    principal_id: str


@dataclass(slots=True)
class Tenant:
    """An organization."""

    id: str
    domain: str
    #: By object id, UPN and address, all in lower case.
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)


class Directory:
    """Everything that Entra knows."""

    def __init__(self) -> None:
        self.tenants: dict[str, Tenant] = {}
        self.applications: dict[str, Application] = {}
        self.identities: dict[str, ManagedIdentity] = {}

    def tenant(self, name: str) -> Tenant | None:
        """Finds a tenant by id or by domain."""
        lowered = name.lower()
        found = self.tenants.get(lowered)
        return found or next((tenant for tenant in self.tenants.values() if tenant.domain == lowered), None)

    def mailbox(self, tenant: str, name: str) -> Mailbox | None:
        """Finds a mailbox of one tenant by object id, UPN or address."""
        found = self.tenants.get(tenant)
        return found.mailboxes.get(name.lower()) if found else None

    def anywhere(self, name: str) -> Mailbox | None:
        """Finds a mailbox in whichever tenant has it."""
        lowered = name.lower()
        return next((t.mailboxes[lowered] for t in self.tenants.values() if lowered in t.mailboxes), None)

    def reset(self) -> None:
        """Forgets every organization."""
        self.tenants.clear()
        self.applications.clear()
        self.identities.clear()
