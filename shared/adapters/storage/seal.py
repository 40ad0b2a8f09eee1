"""Seals: what must not be read in a row, and is too short-lived for the vault."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

_PURPOSE = b"relay365 seal 1"


class Seal:
    """Encrypts text with keys of its own that follow from *keys*; the first seals, each of them opens."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        derived = (hmac.new(key, _PURPOSE, hashlib.sha256).digest() for key in keys.values())
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(key)) for key in derived])

    def close(self, text: str) -> str:
        """Returns *text* sealed."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """Returns what was sealed, or None where none of the keys opens it."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None
