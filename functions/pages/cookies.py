"""The one cookie: the mark of a browser, so that a sign-in ends where it began. It lives as long as a sign-in may."""

import azure.functions as func

from shared.domain.flows import LIFETIME

_NAME = "sign-in"
# With this prefix a browser takes it from this very host only, not from a neighbour under the same domain.
# https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
_HOST_ONLY = "__Host-"


def kept(mark: str, *, secure: bool) -> str:
    """Returns the header that has a browser keep *mark*; over http, as on one machine, the prefix is not to be had."""
    # Lax, since the way back begins at Microsoft, on another site, and is a plain GET.
    own = f"Path=/; Max-Age={int(LIFETIME.total_seconds())}; HttpOnly; SameSite=Lax"
    return f"{_name(secure=secure)}={mark}; {own}; Secure" if secure else f"{_name(secure=secure)}={mark}; {own}"


def mark_of(req: func.HttpRequest, *, secure: bool) -> str | None:
    """Returns the mark that the browser kept."""
    pairs = (pair.strip().partition("=") for pair in req.headers.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == _name(secure=secure)), None)


def _name(*, secure: bool) -> str:
    return f"{_HOST_ONLY}{_NAME}" if secure else _NAME
