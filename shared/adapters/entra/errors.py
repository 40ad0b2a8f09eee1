"""
What Entra ID's refusals mean, and what a human should do about each.

Microsoft advises to act on `error` and to read AADSTS numbers as diagnosis, since they change: a number that the tables
do not know is judged by its `error` alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.errors import RelayError, SignInRefused, TryLater
from shared.domain.oauth2 import OAuth2App

_CONSENT = "Have an administrator of the tenant grant admin consent to the application, then repeat."
_TENANT = "Check the tenant id in \"authority\", and that the application's cloud is the tenant's cloud."
_CLOUD = 'The tenant is in another national cloud: register an application there and set "cloud" to it.'
_FEDERATION = (
    "Add a federated credential to the application whose issuer is the tenant's v2.0 issuer, whose subject is the "
    "managed identity's object (principal) id, and whose audience is the cloud's token exchange audience."
)
_CERTIFICATE = "Upload this certificate's public part to the application in Entra ID, or set another certificate here."
_SCOPE = 'Check "cloud": Microsoft Graph is not known under this name in the tenant.'
_ACCESS_POLICY = "A policy of the tenant blocks the sign-in: have an administrator exclude the application from it."
_SPECIFIC_TENANT = 'Set "authority" to the tenant\'s id: an application signs in to one tenant.'

# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
MEND = {
    700016: "Check the client id and the tenant; if both are right, " + _CONSENT[0].lower() + _CONSENT[1:],
    7000215: "Set the client secret's value (not its id) again.",
    7000222: "The client secret or certificate has expired: create a new one in Entra ID and set it here.",
    7000218: "Set a client secret, a certificate or a managed identity for the application.",
    7000112: "The application is disabled in the tenant: have an administrator enable it.",
    7000229: _CONSENT,
    700027: _CERTIFICATE,
    50012: _CERTIFICATE,
    50013: _CERTIFICATE,
    500133: "The assertion's time does not fit: check the machine's clock.",
    70021: _FEDERATION,
    700211: _FEDERATION,
    700212: _FEDERATION,
    700213: _FEDERATION,
    700229: _FEDERATION,
    500011: _SCOPE,
    50001: _SCOPE,
    70011: _SCOPE,
    700022: _SCOPE,
    700023: _SCOPE,
    1002012: _SCOPE,
    90002: _TENANT,
    900023: _TENANT,
    90038: _CLOUD,
    900382: _CLOUD,
    900432: _CLOUD,
    9001023: _SPECIFIC_TENANT,
    90124: _SPECIFIC_TENANT,
    90130: _SPECIFIC_TENANT,
    50002: _ACCESS_POLICY,
    530032: _ACCESS_POLICY,
    53003: _ACCESS_POLICY,
    65001: _CONSENT,
    90094: _CONSENT,
}
PASSING = frozenset({700024, 90024, 90012, 90033, 90090, 50000, 90055, 50196})
# What was just created takes minutes to reach all of Entra ID; until then it answers as if it were not there.
SETTLING = frozenset({700016, 7000229, 70021, 700211, 700212, 700213})
_SETTLING_TIME = timedelta(minutes=10)
# https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#error-response
_PERMANENT = frozenset({"invalid_client", "unauthorized_client", "invalid_request"})
_THROTTLED = 429
_BROKEN = 500

_NUMBER = re.compile(r"AADSTS(\d+)")
_TRACE = re.compile(r"\s*Trace ID:.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that Entra ID did not grant; `status` 0 where it did not answer at all."""

    url: str
    scopes: tuple[str, ...]
    status: int
    error: str
    description: str
    codes: tuple[int, ...] = ()
    grant: str = "client_credentials"
    retry_after: timedelta | None = None


def refusal(
    url: str,
    scopes: Sequence[str],
    status: int,
    body: Any,
    *,
    grant: str = "client_credentials",
    retry_after: timedelta | None = None,
) -> Refusal:
    """Reads an answer's JSON; whatever else it is becomes a refusal without codes."""
    said = body if isinstance(body, dict) else {}
    description = str(said.get("error_description") or "")
    codes = said.get("error_codes") or _NUMBER.findall(description)
    return Refusal(
        url=url,
        scopes=tuple(scopes),
        status=status,
        error=str(said.get("error") or ""),
        description=description,
        codes=tuple(int(code) for code in codes if str(code).isdecimal()),
        grant=grant,
        retry_after=retry_after,
    )


def read_refusal(found: Refusal, app: OAuth2App, now: datetime) -> RelayError:
    """Returns what the caller should be told: SignInRefused where a human must mend something, else TryLater."""
    sentence = sentence_of(found)
    code = next((code for code in found.codes if code in MEND), None)
    if passes(found) or (code in SETTLING and now - app.updated < _SETTLING_TIME):
        return TryLater(f"Entra ID cannot sign the application in now: {sentence}", found.retry_after)
    if code is None and found.error not in _PERMANENT:
        return TryLater(f"Entra ID answered something unknown: {sentence}", found.retry_after)
    return SignInRefused(
        sentence,
        reason=reason_of(found, code),
        mend=MEND[code] if code else f"Entra ID says: {sentence}",
        token_request=token_request(found, app),
    )


def sentence_of(found: Refusal) -> str:
    """Returns what Entra ID said, without the ids of its log."""
    return _TRACE.sub("", found.description) or f"Entra ID answered {found.status} {found.error}".strip()


def reason_of(found: Refusal, code: int | None = None) -> str:
    """Returns the refusal's number as Entra ID writes it, or its word where there is none."""
    named = code or next(iter(found.codes), None)
    return f"AADSTS{named}" if named else found.error


def passes(found: Refusal) -> bool:
    """Tells whether the same request may succeed later."""
    busy = found.status == _THROTTLED or found.status >= _BROKEN or found.error == "temporarily_unavailable"
    return busy or not PASSING.isdisjoint(found.codes)


def token_request(found: Refusal, app: OAuth2App) -> dict[str, Any]:
    """Returns what was asked and answered, in EmailEngine's words; no secret is part of it."""
    return {
        "url": found.url,
        "method": "POST",
        "authority": app.tenant,
        "grant": found.grant,
        "provider": str(app.provider),
        "status": found.status,
        "clientId": app.client_id,
        "scopes": list(found.scopes),
        "response": {"error": found.error, "error_description": found.description},
    }
