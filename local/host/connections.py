"""Where a connection name leads: a queue endpoint, and the way to prove who asks."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from azure.core.credentials import TokenCredential

from local.host.errors import StartRefused

# Microsoft's published key of the emulator's one account.
# https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_DEVELOPMENT = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    f"AccountKey={DEVELOPMENT_KEY}"
)


@dataclass(frozen=True)
class Account:
    """A storage account's queue endpoint with a shared key, or with a token credential."""

    url: str
    name: str
    key: str | None = None
    credential: TokenCredential | None = None


def resolve(connection: str) -> Account:
    """Reads a connection's settings: a connection string under its name, else its identity-based settings."""
    name = connection or "AzureWebJobsStorage"
    for setting in (name, f"AzureWebJobs{name}"):
        if os.environ.get(setting):
            return _from_connection_string(setting, os.environ[setting])
    # https://learn.microsoft.com/azure/azure-functions/functions-reference#configure-an-identity-based-connection
    account = os.environ.get(f"{name}__accountName")
    url = os.environ.get(f"{name}__queueServiceUri") or os.environ.get(f"{name}__serviceUri")
    if url is None and account:
        url = f"https://{account}.queue.core.windows.net"
    if url is None:
        raise StartRefused(
            f"The connection {name} is not set: give {name} a connection string, or set {name}__queueServiceUri."
        )
    return Account(url.rstrip("/"), account or "", credential=_credential(name))


def _from_connection_string(setting: str, text: str) -> Account:
    if text.strip().lower().startswith("usedevelopmentstorage=true"):
        text = _DEVELOPMENT
    parts = dict(part.partition("=")[::2] for part in text.split(";") if part)
    name, key = parts.get("AccountName"), parts.get("AccountKey")
    if not name or not key:
        raise StartRefused(f"{setting} is not a connection string with AccountName and AccountKey.")
    return Account(_endpoint(name, parts).rstrip("/"), name, key=key)


def _endpoint(name: str, parts: Mapping[str, str]) -> str:
    protocol = parts.get("DefaultEndpointsProtocol", "https")
    suffix = parts.get("EndpointSuffix", "core.windows.net")
    return parts.get("QueueEndpoint") or f"{protocol}://{name}.queue.{suffix}"


def _credential(name: str) -> TokenCredential:
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential  # noqa: PLC0415  80 ms to import

    client_id = os.environ.get(f"{name}__clientId")
    if os.environ.get(f"{name}__credential", "").lower() == "managedidentity":
        return ManagedIdentityCredential(client_id=client_id)
    return DefaultAzureCredential()
