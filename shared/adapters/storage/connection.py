"""
How the storage account is reached: a connection string on one machine, a managed identity in Azure.

The vendor's libraries are imported where they are needed, so that a process that only queues never loads the tables'.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.patient.azure import PatientTransport, credential_of

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.data.tables import TableServiceClient
    from azure.storage.queue import QueueClient

_CONNECT_SECONDS = 5
_READ_SECONDS = 20
_RETRIES = 3
_USER_AGENT = "relay365"
# For a call that somebody waits for, and that is not worth the usual patience.
QUICK: dict[str, Any] = {"connection_timeout": 2, "read_timeout": 2, "retry_total": 0}
# A name alone is an account of the public cloud, as the Functions host takes it; elsewhere addresses are given.
# https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
_SUFFIX = "core.windows.net"
_SHORTHAND = "UseDevelopmentStorage=true"
# The emulator's account and key are public.
# https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
_EMULATOR = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"
)


@dataclass(frozen=True)
class StorageConnection:
    """
    Where the storage account is and how we sign in: `connection_string`, or else a name or addresses and an identity.

    `client_id` names a user-assigned managed identity; without it the environment decides (a developer's own sign-in).
    """

    connection_string: str | None = field(default=None, repr=False)
    account_name: str | None = None
    queue_service_uri: str | None = None
    table_service_uri: str | None = None
    client_id: str | None = None

    def tables(self) -> "TableServiceClient":
        """Returns a client of the table service; all clients share their connections."""
        from azure.data.tables import TableServiceClient  # noqa: PLC0415  the ingress must not pay for it

        options: dict[str, Any] = {"retry_total": _RETRIES, "retry_backoff_factor": 0.4, **self._common}
        if self.connection_string:
            return TableServiceClient.from_connection_string(self._expanded, **options)
        return TableServiceClient(
            self._address("table", self.table_service_uri), credential=self._credential, **options
        )

    def queue(self, name: str, *, encoded: bool = True) -> "QueueClient":
        """Returns a client of the queue *name*: in base64 as the Functions host expects, or as it is on the wire."""
        from azure.storage.queue import (  # noqa: PLC0415  the start of the app must not pay for it
            LinearRetry,
            QueueClient,
            TextBase64DecodePolicy,
            TextBase64EncodePolicy,
        )

        # QueueServiceClient.get_queue_client() does not hand these policies on, so the client is made directly.
        policies = {
            "message_encode_policy": TextBase64EncodePolicy(),
            "message_decode_policy": TextBase64DecodePolicy(),
        }
        options: dict[str, Any] = {
            **(policies if encoded else {}),
            "retry_policy": LinearRetry(backoff=1, retry_total=_RETRIES, random_jitter_range=1),
            **self._common,
        }
        if self.connection_string:
            return QueueClient.from_connection_string(self._expanded, name, **options)
        return QueueClient(self._address("queue", self.queue_service_uri), name, credential=self._credential, **options)

    @property
    def _expanded(self) -> str:
        # The Python libraries do not know the shorthand.
        text = (self.connection_string or "").strip()
        return _EMULATOR if text.rstrip(";").lower() == _SHORTHAND.lower() else text

    def _address(self, service: str, given: str | None) -> str:
        if given:
            return given
        if not self.account_name:
            raise ValueError(
                f"The storage account is unknown: give a connection string, its name, or its {service} address."
            )
        return f"https://{self.account_name}.{service}.{_SUFFIX}"

    @cached_property
    def _common(self) -> dict[str, Any]:
        transport = PatientTransport("Storage", connection_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS)
        return {"transport": transport, "user_agent": _USER_AGENT}

    @cached_property
    def _credential(self) -> "TokenCredential":
        return credential_of(self.client_id)
