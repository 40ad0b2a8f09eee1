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
    65004: ("access_denied", 400, "User declined to consent to access the app."),
    90094: ("access_denied", 400, "The grant requires administrator permission."),
    50011: (
        "invalid_request",
        400,
        "The redirect URI does not match the redirect URIs configured for the application.",
    ),
    50020: (
        "access_denied",
        400,
        "The user account does not exist in the tenant and cannot access the application in that tenant.",
    ),
    50034: ("invalid_request", 400, "The user account does not exist in the directory."),
    50058: ("login_required", 400, "A silent sign-in request was sent but no user is signed in."),
    50194: (
        "invalid_request",
        400,
        "The application is not configured as a multi-tenant application: use a tenant-specific endpoint.",
    ),
    90023: ("invalid_request", 400, "A parameter has a value that is not supported."),
    900144: ("invalid_request", 400, "The request must contain a parameter that is missing."),
    700054: ("unsupported_response_type", 400, "The response_type is not enabled for the application."),
    650053: ("invalid_client", 400, "The application asked for a scope that does not exist on the resource."),
    28000: ("invalid_request", 400, "The parameter scope is not valid because it contains more than one resource."),
    501481: ("invalid_grant", 400, "The Code_Verifier does not match the code_challenge of the authorization request."),
    50148: ("invalid_grant", 400, "The code_verifier does not match the code_challenge for PKCE."),
    500112: ("invalid_client", 400, "The reply address does not match the one of the authorization request."),
    54005: ("invalid_grant", 400, "OAuth2 Authorization code was already redeemed."),
    70000: ("invalid_grant", 400, "The provided grant is invalid or malformed."),
    70008: ("invalid_grant", 400, "The provided authorization code or refresh token has expired."),
    9002313: ("invalid_grant", 400, "Invalid request. Request is malformed or invalid."),
    50057: ("invalid_grant", 400, "The user account is disabled."),
    50173: (
        "invalid_grant",
        400,
        "The provided grant has expired due to it being revoked. A fresh auth token is needed.",
    ),
    700082: ("invalid_grant", 400, "The refresh token has expired due to inactivity."),
    50076: ("interaction_required", 400, "You must use multi-factor authentication to access the resource."),
    50079: ("interaction_required", 400, "You must enroll in multi-factor authentication to access the resource."),
    53003: ("access_denied", 400, "Access has been blocked by Conditional Access policies."),
    90033: ("temporarily_unavailable", 503, "A transient error has occurred. Please try again."),
    90055: (
        "temporarily_unavailable",
        429,
        "The server terminated an operation because it encountered too many requests.",
    ),
}
#: What a client may tell a user about some of them; none of it is documented, all of it is sent.
SUBERRORS = {65001: "consent_required", 50076: "basic_action", 50079: "basic_action", 50173: "bad_token"}


class EntraError(Exception):
    """A refused request for a token or for a sign-in."""

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
        suberror = {"suberror": SUBERRORS[self.code]} if self.code in SUBERRORS else {}
        return {
            "error": self.error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
            **suberror,
        }
