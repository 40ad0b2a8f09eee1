"""
Secrets in Azure Key Vault.

Every value gets a secret of its own. Versions of one secret would look natural, but the vault deletes all versions at
once, and with purge protection a deleted name stays taken: removing a former value would remove the present one.
"""

import re
import secrets
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)

from shared.domain.errors import InvalidRequest, NotFound, TryLater
from shared.patient.azure import PatientTransport, credential_of

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.keyvault.secrets import SecretClient

# https://learn.microsoft.com/azure/key-vault/secrets/about-secrets
MAX_BYTES = 25_000
_NAME_LENGTH = 127
_REFERENCE = re.compile(r"([0-9a-zA-Z-]{1,127})/([0-9a-zA-Z]{1,64})")
_TRIES = 3
_BAD_REQUESTS = range(400, 500)
_REFUSED = frozenset({401, 403})
_WAITING_HELPS = frozenset({408, 409, 429})
_TIMEOUTS = {"connection_timeout": 5, "read_timeout": 10}
_RETRIES = {"retry_total": 2, "retry_backoff_factor": 0.4}
_QUICK = {"connection_timeout": 2, "read_timeout": 2, "retry_total": 0}


class KeyVault:
    """
    Keeps secrets in the vault at *vault_url*.

    *client_id* names a user-assigned managed identity; *credential* replaces the one that azure-identity would find.
    """

    name = "vault"

    def __init__(
        self, vault_url: str, *, client_id: str | None = None, credential: "TokenCredential | None" = None
    ) -> None:
        self._vault_url = vault_url
        self._client_id = client_id
        self._credential = credential
        self._client: SecretClient | None = None
        self._lock = Lock()

    def put(self, name: str, secret: str) -> str:
        """Stores *secret* under a fresh name that begins with *name*, and returns the reference to it."""
        if len(secret.encode()) > MAX_BYTES:
            raise InvalidRequest(message=f"A secret may hold {MAX_BYTES} bytes, and {name!r} holds more.")
        client = self._opened()
        for _ in range(_TRIES):
            try:
                stored = client.set_secret(fresh(name), secret)
            except ResourceExistsError:
                # A deleted secret still has this name.
                continue
            except AzureError as error:
                raise translate(error) from error
            return f"{stored.name}/{stored.properties.version}"
        raise TryLater("The vault has no free name for a secret.")

    def get(self, reference: str) -> str:
        """Returns the secret; raises NotFound where it was removed."""
        name, version = _parts(reference)
        try:
            return self._opened().get_secret(name, version).value or ""
        except AzureError as error:
            raise translate(error) from error

    def delete(self, reference: str) -> None:
        """Removes the secret (the vault keeps it recoverable for its retention); a second time does nothing."""
        try:
            name, _ = _parts(reference)
            # The poller is not waited for: the secret cannot be read from here on.
            self._opened().begin_delete_secret(name)
        except (NotFound, ResourceNotFoundError):
            return
        except AzureError as error:
            raise translate(error) from error

    def check(self) -> None:
        """Returns in well under a second where the vault answers; raises TryLater where it does not."""
        options: dict[str, Any] = _QUICK
        try:
            self._opened().get_secret("relay365-check", **options)
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise translate(error) from error

    def _opened(self) -> "SecretClient":
        with self._lock:
            if self._client is None:
                from azure.keyvault.secrets import SecretClient  # noqa: PLC0415  the start of the app must not pay for it

                transport = PatientTransport("The vault", **_TIMEOUTS)
                options: dict[str, Any] = {**_RETRIES, "transport": transport, "user_agent": "relay365"}
                self._client = SecretClient(
                    self._vault_url, self._credential or credential_of(self._client_id), **options
                )
            return self._client


def fresh(name: str) -> str:
    """Returns a name for the vault that nothing has yet: *name* in its letters, and chance."""
    chance = secrets.token_hex(8)
    return f"{re.sub('[^0-9a-zA-Z-]', '-', name)[: _NAME_LENGTH - len(chance) - 1]}-{chance}"


def translate(error: AzureError) -> Exception:
    """Returns what *error* means to the caller; a request that the vault calls wrong is our bug and stays as it is."""
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if isinstance(error, ResourceNotFoundError):
        return NotFound("The vault does not have this secret: it was removed.")
    if status in _REFUSED or isinstance(error, ClientAuthenticationError):
        return TryLater(
            "The vault refuses our identity, or the secret is disabled. The identity needs the role Key Vault Secrets "
            "Officer, and a new role takes some minutes to work."
        )
    if status is None:
        return TryLater(f"The vault cannot be reached ({type(error).__name__}).")
    if status in _BAD_REQUESTS and status not in _WAITING_HELPS:
        return error
    return TryLater(f"The vault is busy ({status}).", _retry_after(error))


def _parts(reference: str) -> tuple[str, str]:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise NotFound("This is no reference to a secret of the vault.")
    return found[1], found[2]


def _retry_after(error: AzureError) -> timedelta | None:
    response = getattr(error, "response", None)
    value = response.headers.get("Retry-After", "") if response is not None else ""
    return timedelta(seconds=int(value)) if value.isdecimal() else None
