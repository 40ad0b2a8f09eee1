"""
Providers: the two kinds of application, and what each may be.

`outlookService` is application access: nobody signs in, and Graph opens the mailboxes of one tenant. `outlook` is
delegated access: users sign in, and IMAP and SMTP open what they may open. Each rule returns the sentence that refuses
a value, or None.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from shared.domain.fields import http_url

SHARED_AUTHORITIES = frozenset({"common", "organizations", "consumers"})

_GUID = re.compile(r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)
_DOMAIN = re.compile(
    r"^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$", re.IGNORECASE
)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Without the first there is no refresh token, without the others nobody says who signed in.
_NEEDED = frozenset({"offline_access", "openid", "profile"})


class Provider(StrEnum):
    """How an application reaches mailboxes."""

    OUTLOOK = "outlook"
    OUTLOOK_SERVICE = "outlookService"

    @property
    def base_scopes(self) -> str:
        """What the provider opens mailboxes with, in EmailEngine's words."""
        return "imap" if self is Provider.OUTLOOK else "api"


def is_guid(value: str) -> bool:
    """Tells whether *value* is a GUID."""
    return bool(_GUID.fullmatch(value))


def spelt(authority: str) -> str:
    """Returns an authority as Entra ID spells it in its addresses."""
    return authority.lower() if authority.lower() in SHARED_AUTHORITIES else authority


def tenant_problem(value: str) -> str | None:
    """Refuses what names no tenant."""
    if is_guid(value) or _DOMAIN.fullmatch(value):
        return None
    return f'must be a tenant id (a GUID) or a domain of the tenant, like contoso.onmicrosoft.com; got "{value}"'


def authority_problem(provider: Provider, value: str) -> str | None:
    """Refuses an authority at which nobody could sign in to such an application."""
    if value.lower() not in SHARED_AUTHORITIES:
        return tenant_problem(value)
    if provider is Provider.OUTLOOK:
        return None
    return f'Client credentials flow requires a specific tenant ID; "{value}" is not allowed'


def redirect_problem(provider: Provider, value: Any) -> str | None:
    """Refuses a redirect URL where nobody signs in, and one that Entra ID would not redirect to."""
    if provider is Provider.OUTLOOK_SERVICE:
        told = "must be absent: nobody signs in to an application-access application, so nothing is redirected"
        return None if value in (None, False, "") else told
    if not isinstance(value, str) or not value:
        return "must be the address of /oauth at this service, as it is registered in Entra ID"
    try:
        parts = urlsplit(http_url(value))
    except ValueError as refused:
        return str(refused)
    # https://learn.microsoft.com/entra/identity-platform/reply-url#redirect-uri-restrictions-and-limitations
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        return "must be https:// (http:// is for localhost only)"
    return None


def base_scopes_problem(provider: Provider, value: str | None) -> str | None:
    """Refuses what the provider does not open mailboxes with."""
    if value is None or value == provider.base_scopes:
        return None
    if provider is Provider.OUTLOOK_SERVICE:
        return 'must be "api" or absent: an application-access application opens mailboxes through Microsoft Graph'
    if value == "api":
        return (
            'must be "imap": users open mailboxes through IMAP and SMTP here. For Microsoft Graph, register an '
            'application with the provider "outlookService", which opens mailboxes without a user; or leave '
            '"baseScopes" out, or set it to "imap"'
        )
    return 'must be "imap"'


def skip_problem(provider: Provider, scopes: Iterable[str]) -> str | None:
    """Refuses to skip what every sign-in of a user needs."""
    needed = sorted(_NEEDED.intersection(scope.lower() for scope in scopes))
    if provider is Provider.OUTLOOK_SERVICE or not needed:
        return None
    return f'must not hold "{needed[0]}": no user can be signed in, and stay so, without it'
