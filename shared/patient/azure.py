"""
Azure's clients with patience, and the identity that they sign in with.

They pause between two tries, as long as they are told to: that is waited in vain too.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

from shared.domain.errors import TryLater
from shared.patience import left, waste
from shared.patient.session import PatientSession

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

# The vendor's own are 300 seconds each, which no work of a queue should wait for a token.
_IDENTITY = {"connection_timeout": 5, "read_timeout": 30}
_CONNECTIONS = 32  # As many as the worker has threads.


class PatientTransport(RequestsTransport):  # type: ignore[misc]  # its module hides where it comes from
    """Reaches *whom*, over connections that are kept; *options* are those of the vendor's transport."""

    def __init__(self, whom: str, **options: Any) -> None:
        session = PatientSession(whom)
        adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        super().__init__(session=session, session_owner=False, **options)
        self._whom = whom

    def sleep(self, duration: float) -> None:
        """Pauses before another try; raises TryLater where whoever waits has not so much time."""
        if duration >= left():
            raise TryLater(f"{self._whom} asks for more time than there is.", timedelta(seconds=duration))
        super().sleep(duration)
        waste(duration, self._whom)


def credential_of(client_id: str | None) -> "TokenCredential":
    """Returns the user-assigned identity *client_id*, or what the environment has (a developer's own sign-in)."""
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential  # noqa: PLC0415  slow to load

    transport = PatientTransport("The managed identity's endpoint", **_IDENTITY)
    if client_id:
        return ManagedIdentityCredential(client_id=client_id, transport=transport)
    return DefaultAzureCredential(transport=transport)
