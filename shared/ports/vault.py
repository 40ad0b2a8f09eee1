"""Secrets, apart from everything else."""

from typing import Protocol


class Vault(Protocol):
    """Keeps secrets. A reference names one secret for ever: another value has another reference."""

    def put(self, name: str, secret: str) -> str:
        """Stores *secret* under *name* (letters, digits and `-`) and returns the reference to it."""

    def get(self, reference: str) -> str:
        """Returns the secret; raises NotFound where it was removed."""

    def delete(self, reference: str) -> None:
        """Removes the secret; a second time does nothing."""
