"""What an application proves itself with, in the form that MSAL takes."""

from typing import Any

import msal
import requests
from msal.exceptions import MsalServiceError

from shared.adapters.entra.http import Transport
from shared.domain.certificates import ClientCertificate
from shared.domain.clouds import ENDPOINTS
from shared.domain.errors import NotFound, SignInRefused, TryLater
from shared.domain.oauth2 import CredentialKind, OAuth2App
from shared.ports.vault import Vault

_SET_AGAIN = "Set the application's credential again: the vault does not hold it any more."
_IDENTITY = (
    "Assign the user-assigned managed identity {identity} to this Function App, or give the application a client "
    "secret or a certificate."
)


def client_credential(app: OAuth2App, secrets: Vault, transport: Transport) -> Any:
    """Returns MSAL's `client_credential`; a managed identity is asked only when Entra is."""
    if app.credential is CredentialKind.MANAGED_IDENTITY:
        return _federated(app, transport)
    try:
        secret = secrets.get(app.secret or "")
    except NotFound as exc:
        raise SignInRefused(
            "The application's credential is not in the vault.", reason="CredentialMissing", mend=_SET_AGAIN
        ) from exc
    if app.credential is CredentialKind.SECRET:
        return secret
    certificate = ClientCertificate.model_validate_json(secret)
    # Without a `thumbprint` MSAL signs with PS256 and names the certificate by SHA-256, as Entra ID recommends.
    # https://learn.microsoft.com/entra/identity-platform/certificate-credentials
    return {"private_key": certificate.private_key, "public_certificate": certificate.certificate}


def _federated(app: OAuth2App, transport: Transport) -> dict[str, Any]:
    # https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
    identity = msal.ManagedIdentityClient(
        msal.UserAssignedManagedIdentity(client_id=app.managed_identity), http_client=transport
    )
    audience = ENDPOINTS[app.cloud].federation_audience

    def assertion() -> str:
        try:
            answer = identity.acquire_token_for_client(resource=audience)
        except (requests.RequestException, MsalServiceError) as exc:
            raise TryLater("The managed identity's endpoint does not answer.") from exc
        except msal.ManagedIdentityError as exc:
            raise _no_identity(app, str(exc)) from exc
        if "access_token" in answer:
            return str(answer["access_token"])
        if transport.last is not None and transport.last.status_code in {400, 404}:
            raise _no_identity(app, str(answer.get("error_description") or answer.get("error")))
        raise TryLater("The managed identity's endpoint has no token now.")

    return {"client_assertion": assertion}


def _no_identity(app: OAuth2App, said: str) -> SignInRefused:
    return SignInRefused(
        f"The managed identity {app.managed_identity!r} is not available here: {said}",
        reason="ManagedIdentityUnavailable",
        mend=_IDENTITY.format(identity=app.managed_identity),
    )
