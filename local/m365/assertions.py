"""Client assertions: signed with a registered certificate, or a managed identity's federated token."""

from typing import Any

import jwt

from local.m365.directory import Application, FederatedCredential
from local.m365.entra_errors import EntraError
from local.m365.tokens import TokenIssuer


def check(assertion: str, application: Application, audiences: list[str], issuer: TokenIssuer) -> None:
    """Accepts an assertion that proves to be the application, and refuses any other."""
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.InvalidTokenError as exc:
        raise EntraError(50012) from exc
    if header.get("kid") == issuer.key_id:
        _check_federated(assertion, application, issuer)
    else:
        _check_certificate(assertion, header, application, audiences)


def _check_certificate(assertion: str, header: dict[str, Any], application: Application, audiences: list[str]) -> None:
    # https://learn.microsoft.com/entra/identity-platform/certificate-credentials
    key = application.certificates.get(str(header.get("x5t#S256", "")).rstrip("="))
    if key is None:
        raise EntraError(700027, "Thumbprint of key used by client is unknown.")
    try:
        jwt.decode(
            assertion,
            key,
            ["PS256"],
            audience=audiences,
            issuer=application.client_id,
            subject=application.client_id,
            options={"require": ["exp", "aud", "iss", "sub", "jti"]},
        )
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as exc:
        raise EntraError(700024) from exc
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError) as exc:
        raise EntraError(700027) from exc
    except jwt.InvalidTokenError as exc:
        raise EntraError(50012, str(exc)) from exc


def _check_federated(assertion: str, application: Application, issuer: TokenIssuer) -> None:
    # https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
    try:
        claims = jwt.decode(assertion, issuer.public_key, ["RS256"], options={"verify_aud": False})
    except jwt.ExpiredSignatureError as exc:
        raise EntraError(700024) from exc
    except jwt.InvalidTokenError as exc:
        raise EntraError(700027) from exc
    presented = FederatedCredential(claims["iss"], claims["sub"], claims["aud"])
    if presented in application.federated:
        return
    issuers = [known for known in application.federated if known.issuer == presented.issuer]
    subjects = [known for known in issuers if known.subject == presented.subject]
    raise EntraError(700212 if subjects else 700213 if issuers else 700211)
