"""
Azure's clients with patience, and the identity that they sign in with.

They pause between two tries, as long as they are told to: that is waited in vain too.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from requests import ConnectionError as Unconnected
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

    def send(self, request: Any, **options: Any) -> Any:
        """
        Sends *request*, and once more where its connection ended instead of an answer.

        One that was kept may be closed at the moment when it is used again. The vendor's policy leaves a POST at that:
        a row that was to be made would wait for a minute, and what is told before it would be told again. Storage takes
        what it has already for a repetition, and says so.
        """
        try:
            return super().send(request, **options)
        except ServiceResponseError as problem:
            if not isinstance(problem.inner_exception, Unconnected):
                raise
            return super().send(request, **options)

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
