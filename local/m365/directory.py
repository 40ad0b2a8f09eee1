"""The tenants, with their applications, users, managed identities and mailboxes."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from local.m365.mailbox import Mailbox

#: The tenant of all personal accounts.
# https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
SHARED_AUTHORITIES = frozenset({"common", "organizations", "consumers"})
#: In place of a user: an administrator consented for everybody.
EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class FederatedCredential:
    """Whose token an application accepts in place of a secret."""

    issuer: str
    subject: str
    audience: str


@dataclass(slots=True)
class Application:
    """An app registration, and what was consented to: roles by administrators, scopes by users."""

    client_id: str
    #: The tenant that it is registered in; only its users sign in unless `multitenant`.
    home: str
    name: str = "Relay"
    enabled: bool = True
    multitenant: bool = True
    redirect_uris: list[str] = field(default_factory=list)
    #: Claims that id tokens carry although no scope asked for them: `email`.
    optional_claims: list[str] = field(default_factory=list)
    #: Secret to the moment it expires.
    secrets: dict[str, datetime] = field(default_factory=dict)
    #: Public key by the certificate's x5t#S256.
    certificates: dict[str, RSAPublicKey] = field(default_factory=dict)
    federated: list[FederatedCredential] = field(default_factory=list)
    #: Tenant id to the roles that its tokens carry.
    consents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Tenant id and user id (or EVERYBODY) to the scopes, in lower case.
    delegated: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def consented(self, user: "User") -> set[str]:
        """The scopes that the user, or an administrator for everybody, consented to."""
        return self.delegated.get((user.tenant, user.id), set()) | self.delegated.get((user.tenant, EVERYBODY), set())

    def consent(self, tenant: str, user: str, scopes: set[str]) -> None:
        """Adds a consent; *user* may be EVERYBODY."""
        self.delegated.setdefault((tenant, user), set()).update(scope.lower() for scope in scopes)

    def service_principal(self, tenant: str) -> str:
        """The object id of this application's representative in a tenant."""
        return str(uuid.uuid5(uuid.UUID(tenant), self.client_id))


@dataclass(slots=True)
class ManagedIdentity:
    """A user-assigned managed identity."""

    tenant: str
    client_id: str
    principal_id: str


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can sign in; no password is asked for."""

    id: str
    tenant: str
    upn: str
    name: str
    email: str


@dataclass(slots=True)
class Tenant:
    """An organization."""

    id: str
    domain: str
    #: By object id, UPN and address, all in lower case.
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    #: By object id.
    users: dict[str, User] = field(default_factory=dict)


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

    def admits(self, authority: str, user: User) -> bool:
        """Says whether a user may sign in at an authority."""
        # https://learn.microsoft.com/entra/identity-platform/v2-protocols#endpoints
        match authority:
            case "common":
                return True
            case "organizations":
                return user.tenant != PERSONAL
            case "consumers":
                return user.tenant == PERSONAL
        tenant = self.tenant(authority)
        return tenant is not None and tenant.id == user.tenant

    def users(self) -> list[User]:
        """Everybody who can sign in, in the order in which they came."""
        return [user for tenant in self.tenants.values() for user in tenant.users.values()]

    def user(self, name: str) -> User | None:
        """Finds a user of any tenant by object id, UPN or address."""
        lowered = name.strip().lower()
        return next((u for u in self.users() if lowered in {u.id, u.upn.lower(), u.email.lower()}), None)

    def reset(self) -> None:
        """Forgets every organization."""
        self.tenants.clear()
        self.applications.clear()
        self.identities.clear()
