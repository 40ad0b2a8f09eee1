"""Requests to sign in: what an application asks the authorize endpoint for, and the attempts that are under way."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from local.m365 import scopes
from local.m365.directory import SHARED_AUTHORITIES, Application, Directory, User
from local.m365.entra_errors import EntraError

MODES = {"query", "fragment", "form_post"}
PROMPTS = {"", "login", "none", "consent", "select_account"}
#: The parameter that a mistake in the request is told about.
REQUIRED = ("client_id", "redirect_uri", "response_type", "scope")


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose application and redirect URI are known, so that its outcome may be sent there."""

    authority: str
    application: Application
    redirect_uri: str
    response_type: str
    response_mode: str
    scope: str
    state: str
    nonce: str
    prompt: str
    login_hint: str
    challenge: str
    method: str
    client_info: bool

    def check(self) -> scopes.Asked:
        """Returns the scopes; raises what the application itself is told."""
        if self.response_type != "code":
            raise EntraError(700054, f"Response type '{self.response_type}'.")
        if self.prompt not in PROMPTS:
            raise EntraError(90023, f"Parameter 'prompt', value '{self.prompt}'.")
        if self.method not in {"plain", "S256"}:
            raise EntraError(90023, f"Parameter 'code_challenge_method', value '{self.method}'.")
        return scopes.read(self.scope)


@dataclass(slots=True)
class Attempt:
    """One person's way through the pages."""

    id: str
    request: Request
    user: User | None = None


class Attempts:
    """Keeps the newest attempts by the id that their pages carry."""

    LIMIT = 10_000

    def __init__(self) -> None:
        self._by_id: dict[str, Attempt] = {}

    def add(self, request: Request) -> Attempt:
        """Begins one."""
        if len(self._by_id) >= self.LIMIT:
            del self._by_id[next(iter(self._by_id))]
        made = Attempt(secrets.token_urlsafe(16), request)
        self._by_id[made.id] = made
        return made

    def get(self, identity: str) -> Attempt:
        """Finds one; its page may be sent again."""
        found = self._by_id.get(identity)
        if found is None:
            raise EntraError(9002313)
        return found

    def reset(self) -> None:
        """Forgets all."""
        self._by_id.clear()


def read(directory: Directory, authority: str, query: Mapping[str, str]) -> Request:
    """Reads a request; raises what only the person at the browser is told, because nobody else can be trusted yet."""
    # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-authorization-code
    missing = next((name for name in REQUIRED if not query.get(name)), None)
    if missing is not None:
        raise EntraError(900144, f"Parameter '{missing}'.")
    application = _application(directory, authority, query["client_id"])
    if not any(_same(known, query["redirect_uri"]) for known in application.redirect_uris):
        raise EntraError(50011, f"Redirect URI '{query['redirect_uri']}', application '{application.client_id}'.")
    mode = query.get("response_mode", "query")
    if mode not in MODES:
        raise EntraError(90023, f"Parameter 'response_mode', value '{mode}'.")
    return Request(
        authority=authority,
        application=application,
        redirect_uri=query["redirect_uri"],
        response_type=query["response_type"],
        response_mode=mode,
        scope=query["scope"],
        state=query.get("state", ""),
        nonce=query.get("nonce", ""),
        prompt=query.get("prompt", ""),
        login_hint=query.get("login_hint", ""),
        challenge=query.get("code_challenge", ""),
        method=query.get("code_challenge_method", "plain"),
        client_info=query.get("client_info") == "1",
    )


def _application(directory: Directory, authority: str, client_id: str) -> Application:
    tenant = directory.tenant(authority)
    if tenant is None and authority not in SHARED_AUTHORITIES:
        raise EntraError(90002, f"Tenant '{authority}'.")
    found = directory.applications.get(client_id.lower())
    if found is None:
        raise EntraError(700016, f"Identifier '{client_id}', directory '{authority}'.")
    if not found.multitenant and tenant is None:
        raise EntraError(50194, f"Application '{client_id}', endpoint '/{authority}'.")
    if not found.multitenant and tenant is not None and tenant.id != found.home:
        raise EntraError(700016, f"Identifier '{client_id}', directory '{tenant.domain}'.")
    if not found.enabled:
        raise EntraError(7000112)
    return found


def _same(registered: str, given: str) -> bool:
    # https://learn.microsoft.com/entra/identity-platform/reply-url#localhost-exceptions
    one, other = urlsplit(registered), urlsplit(given)
    if one.hostname == other.hostname == "localhost":
        return (one.scheme, one.path, one.query) == (other.scheme, other.path, other.query)
    return registered == given
