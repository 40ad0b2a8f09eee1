"""Delegated scopes: which resource each is for, what it lets an application do, and how Entra spells them back."""

from collections.abc import Collection
from dataclasses import dataclass

from local.m365.entra_errors import EntraError

GRAPH = "https://graph.microsoft.com"
#: Whatever was granted of a resource. https://learn.microsoft.com/entra/identity-platform/scopes-oidc#the-default-scope
EVERYTHING = ".default"
#: Every cloud's name for Exchange Online.
OUTLOOK = frozenset(
    {
        "https://outlook.office.com",
        "https://outlook.office365.com",
        "https://outlook.office365.us",
        "https://partner.outlook.cn",
    }
)
# https://learn.microsoft.com/entra/identity-platform/scopes-oidc#openid-connect-scopes
OPENID = {
    "openid": "Sign you in",
    "profile": "View your basic profile",
    "email": "View your email address",
    "offline_access": "Maintain access to data you have given it access to",
}
# https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
MAIL = {
    "imap.accessasuser.all": "Read and write access to your mail through IMAP",
    "pop.accessasuser.all": "Read and write access to your mail through POP",
    "smtp.send": "Send emails from mailboxes that you may send from, through SMTP",
    "mail.read": "Read your mail",
    "mail.readwrite": "Read and write access to your mail",
    "mail.send": "Send mail as you",
    "user.read": "Sign you in and read your profile",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The scopes of a request: OpenID's own, and those of each resource, each with its resource before it."""

    openid: tuple[str, ...]
    resources: dict[str, tuple[str, ...]]

    @property
    def all(self) -> set[str]:
        """Every scope in lower case."""
        return {*self.openid, *(scope.lower() for scopes in self.resources.values() for scope in scopes)}

    def first(self) -> tuple[str, tuple[str, ...]]:
        """The resource that a token is for, with its scopes; Graph where there are only OpenID's."""
        return next(iter(self.resources.items()), (GRAPH, ()))


def read(text: str) -> Asked:
    """Reads a space-separated list; refuses a resource or a scope that nobody offers."""
    openid: list[str] = []
    resources: dict[str, list[str]] = {}
    for scope in text.split():
        if scope.lower() in OPENID:
            openid.append(scope.lower())
            continue
        resource, _, name = scope.rpartition("/")
        # A bare name is Graph's. https://learn.microsoft.com/entra/identity-platform/scopes-oidc
        resource = resource.rstrip("/").lower() or GRAPH
        if resource != GRAPH and resource not in OUTLOOK:
            raise EntraError(500011, f"Resource '{resource}'.")
        if resource in OUTLOOK and name.lower() not in MAIL and name != EVERYTHING:
            raise EntraError(650053, f"Scope '{name}', resource '{resource}'.")
        resources.setdefault(resource, []).append(f"{resource}/{name}")
    if not openid and not resources:
        raise EntraError(900144, "Parameter 'scope'.")
    return Asked(tuple(openid), {resource: tuple(scopes) for resource, scopes in resources.items()})


def spell(resource: str, scopes: Collection[str]) -> str:
    """Writes the scopes of a token as an answer does: Graph's by their bare names, all others with their resource."""
    return " ".join(scope.removeprefix(f"{GRAPH}/") if resource == GRAPH else scope for scope in scopes)


def describe(scope: str) -> str:
    """What a scope lets an application do."""
    name = scope.rpartition("/")[2].lower()
    return OPENID.get(name) or MAIL.get(name) or scope
