"""The machine itself: its clock, and the operating system's randomness."""

import secrets
import string
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

_ACCOUNT_ALPHABET = string.digits + string.ascii_lowercase


class SystemClock:
    """Tells the machine's time."""

    def now(self) -> datetime:
        """Returns the moment, aware, in UTC."""
        return datetime.now(UTC)


class SystemRandomness:
    """Draws from the operating system."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._random = secrets.SystemRandom()

    def account_id(self) -> str:
        """Returns 16 characters of [0-9a-z], as EmailEngine generates them."""
        return "".join(self._random.choices(_ACCOUNT_ALPHABET, k=16))

    def app_id(self) -> str:
        """Returns 16 base64url characters: 8 bytes of Unix milliseconds, as EmailEngine has them, and 4 of chance."""
        milliseconds = int(self._clock.now().timestamp() * 1000)
        return urlsafe_b64encode(milliseconds.to_bytes(8, "big") + secrets.token_bytes(4)).decode()

    def nonce(self) -> str:
        """Returns 22 base64url characters."""
        return secrets.token_urlsafe(16)

    def token(self) -> str:
        """Returns 64 hex digits."""
        return secrets.token_hex(32)

    def fraction(self) -> float:
        """Returns a number in [0, 1)."""
        return self._random.random()
