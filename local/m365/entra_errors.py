"""Entra ID's refusals: AADSTS codes with the OAuth error and status that carry them."""

import uuid
from typing import Any

from local.m365 import moments

# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
AADSTS = {
    700016: ("unauthorized_client", 400, "Application was not found in the directory."),
    7000215: ("invalid_client", 401, "Invalid client secret provided."),
    7000218: ("invalid_client", 401, "The request body must contain 'client_assertion' or 'client_secret'."),
    7000222: ("invalid_client", 401, "The provided client secret keys are expired."),
    7000112: ("unauthorized_client", 400, "Application is disabled."),
    7000229: ("unauthorized_client", 400, "The client application is missing service principal in the tenant."),
    700027: (
        "invalid_client",
        401,
        "The certificate used to sign the client assertion is not registered or its signature failed.",
    ),
    700024: ("invalid_client", 401, "Client assertion is not within its valid time range."),
    50012: ("invalid_client", 401, "Client assertion has a wrong issuer, subject or audience."),
    70021: ("invalid_request", 400, "No matching federated identity record found for presented assertion."),
    700211: ("invalid_client", 401, "No matching federated identity record found for presented assertion issuer."),
    700212: ("invalid_client", 401, "No matching federated identity record found for presented assertion audience."),
    700213: ("invalid_client", 401, "No matching federated identity record found for presented assertion subject."),
    90002: ("invalid_request", 400, "Tenant not found."),
    9001023: ("invalid_request", 400, "The grant type is not supported over the /common or /consumers endpoints."),
    70011: ("invalid_scope", 400, "The provided value for the input parameter 'scope' is not valid."),
    70003: ("unsupported_grant_type", 400, "The app requested an unsupported grant type."),
    500011: ("invalid_resource", 400, "The resource principal was not found in the tenant."),
    65001: ("invalid_grant", 400, "The user or administrator has not consented to use the application."),
    53003: ("access_denied", 400, "Access has been blocked by Conditional Access policies."),
    90033: ("temporarily_unavailable", 503, "A transient error has occurred. Please try again."),
    90055: (
        "temporarily_unavailable",
        429,
        "The server terminated an operation because it encountered too many requests.",
    ),
}


class EntraError(Exception):
    """A refused token request."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.error, self.status, sentence = AADSTS.get(code, ("invalid_request", 400, "The request was refused."))
        self.sentence = f"{sentence} {detail}".strip()

    @property
    def headers(self) -> dict[str, str]:
        """How long to wait, where that is the remedy."""
        return {"Retry-After": "1"} if self.status in {429, 503} else {}

    def body(self) -> dict[str, Any]:
        """The JSON that Entra sends with it."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        timestamp = moments.now().strftime("%Y-%m-%d %H:%M:%SZ")
        description = (
            f"AADSTS{self.code}: {self.sentence} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
        )
        return {
            "error": self.error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
