"""
Scopes of delegated access: what an application asks its users for, and what was granted of it.

A token is for one resource (here the cloud's mail servers), and Entra ID tells the scopes of that resource only, each
with the resource before it; `offline_access` is proved by the refresh token, and `openid` by the id token.
https://learn.microsoft.com/entra/identity-platform/scopes-oidc
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from shared.domain.clouds import ENDPOINTS
from shared.domain.oauth2 import OAuth2App

# https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
_MAIL = ("IMAP.AccessAsUser.All", "SMTP.Send")
#: What concerns the sign-in and no resource.
SIGN_IN = ("offline_access", "openid", "profile")
_SIGN_INS = frozenset({*SIGN_IN, "email"})
_OUTLOOK_HOSTS = frozenset(
    {"outlook.office365.com", *(str(urlsplit(each.outlook_url).hostname) for each in ENDPOINTS.values())}
)
_HOSTS = _OUTLOOK_HOSTS | {str(urlsplit(each.graph_url).hostname) for each in ENDPOINTS.values()}


def scopes_of(app: OAuth2App) -> tuple[str, ...]:
    """
    Returns what users of *app* are asked for: mail and sign-in, its extra scopes, without those that it skips.

    A scope is skipped by its bare name, or with the host of any cloud before it.
    """
    outlook = ENDPOINTS[app.cloud].outlook_url
    skipped = {_bare(scope) for scope in app.skip_scopes}
    asked: dict[str, str] = {}
    for scope in (*(f"{outlook}/{name}" for name in _MAIL), *SIGN_IN, *app.extra_scopes):
        if _bare(scope) not in skipped:
            asked.setdefault(scope.lower(), scope)
    return tuple(asked.values())


def token_scopes(app: OAuth2App) -> tuple[str, ...]:
    """Returns those of them that one token request may name: of mail servers and of the sign-in, of nothing else."""
    # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-access-token-with-a-client_secret
    return tuple(scope for scope in scopes_of(app) if _host(scope) in _OUTLOOK_HOSTS or scope.lower() in _SIGN_INS)


def missing(granted: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """
    Returns the *wanted* scopes that were not granted, by their bare names.

    Only scopes for mail servers are judged: an answer tells of no other resource's, and not always of the sign-in's.
    """
    held = {_bare(scope) for scope in granted}
    judged = (scope for scope in wanted if _host(scope) in _OUTLOOK_HOSTS)
    return tuple(scope.rpartition("/")[2] for scope in judged if _bare(scope) not in held)


def _host(scope: str) -> str:
    return scope.removeprefix("https://").partition("/")[0].lower() if "/" in scope else ""


def _bare(scope: str) -> str:
    """Returns the scope in lower case, without the host where that is one of Microsoft's."""
    return scope.rpartition("/")[2].lower() if _host(scope) in _HOSTS else scope.lower()
