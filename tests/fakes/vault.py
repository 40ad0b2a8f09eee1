"""A vault in memory."""

from itertools import count
from threading import Lock

from shared.domain.errors import InvalidRequest, NotFound


class FakeVault:
    """Keeps secrets by reference."""

    name = "vault"

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.reads = 0
        self._versions = count(1)
        self._lock = Lock()

    def put(self, name: str, secret: str) -> str:
        """Keep *secret* under a reference of its own."""
        if len(secret.encode()) > 25_000:
            raise InvalidRequest(message=f"A secret may hold 25000 bytes, and {name!r} holds more.")
        with self._lock:
            reference = f"{name}/{next(self._versions):08}"
            self.secrets[reference] = secret
            return reference

    def get(self, reference: str) -> str:
        """Return the secret, or raise NotFound."""
        with self._lock:
            self.reads += 1
            if reference not in self.secrets:
                raise NotFound("The vault does not have this secret: it was removed.")
            return self.secrets[reference]

    def delete(self, reference: str) -> None:
        """Forget the secret."""
        with self._lock:
            self.secrets.pop(reference, None)

    def check(self) -> None:
        """Answer."""
