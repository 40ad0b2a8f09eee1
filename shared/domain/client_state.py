"""
Client states: how a notification proves, without any lookup, that it is ours and whose it is.

`1.<key id>.<account key>.<MAC>`: the MAC is HMAC-SHA256 over all that stands before it, cut to 128 bits. Graph keeps at
most 128 characters and returns them with every notification, for as long as the subscription lives: a renewal keeps
them. So the key id lets the key be rotated, and tells which subscriptions must be made anew before the former one goes.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping

_VERSION = "1"


class ClientStates:
    """Makes and checks client states with *keys*, by key id; the first key signs, every key verifies."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self._signing = next(iter(self._keys))

    def make(self, account_key: str) -> str:
        """Returns the client state for *account_key*: about 60 characters."""
        stated = f"{_VERSION}.{self._signing}.{account_key}"
        return f"{stated}.{_mac(self._keys[self._signing], stated)}"

    def account_of(self, client_state: object) -> str | None:
        """Returns the account key that *client_state* proves, or None where it proves nothing."""
        if not isinstance(client_state, str) or client_state.count(".") != 3 or not client_state.isascii():  # noqa: PLR2004  the four parts above
            return None
        stated, _, mac = client_state.rpartition(".")
        version, key_id, account_key = stated.split(".")
        key = self._keys.get(key_id)
        if version != _VERSION or key is None or not hmac.compare_digest(mac, _mac(key, stated)):
            return None
        return account_key

    def is_former(self, key_id: str | None) -> bool:
        """Tells whether another key signs now than *key_id*; None, which nobody knows, while there are several."""
        return len(self._keys) > 1 if key_id is None else key_id != self._signing

    def is_void(self, key_id: str | None) -> bool:
        """Tells whether what *key_id* signed proves nothing any more."""
        return key_id is not None and key_id not in self._keys


def key_id_of(client_state: str) -> str | None:
    """Returns the id of the key that *client_state* says it is signed with."""
    parts = client_state.split(".")
    return parts[1] if len(parts) == 4 else None  # noqa: PLR2004  the four parts above


def _mac(key: bytes, text: str) -> str:
    digest = hmac.new(key, text.encode(), hashlib.sha256).digest()[:16]
    return urlsafe_b64encode(digest).decode().rstrip("=")
