"""
Secrets in one encrypted file, for a machine without a Key Vault.

Several processes may share it: each write happens under a lock, on what the file holds at that moment, and replaces the
file as a whole, so a crash leaves the former one.
"""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from shared.domain.errors import InvalidRequest, NotFound, RelayError, TryLater

MAX_BYTES = 25_000  # As in a Key Vault, so that what works here works there.
_LOCK_SECONDS = 10.0
_OWNER_ONLY = 0o600


class FileVault:
    """
    Keeps secrets in the file *path*.

    *key* is a Fernet key (32 bytes in base64url). Without one, a key is made once, in a file beside it.
    """

    name = "vault"

    def __init__(self, path: Path, key: str | None = None) -> None:
        self._path = path
        self._key = key

    def put(self, name: str, secret: str) -> str:
        """Stores *secret* and returns the reference to it."""
        if len(secret.encode()) > MAX_BYTES:
            raise InvalidRequest(message=f"A secret may hold {MAX_BYTES} bytes, and {name!r} holds more.")
        reference = f"{name}/{secrets.token_hex(16)}"
        with self._locked():
            self._write(self._read() | {reference: secret})
        return reference

    def get(self, reference: str) -> str:
        """Returns the secret; raises NotFound where it was removed."""
        # A reader needs no lock: the file is replaced as a whole.
        secret = self._read().get(reference)
        if secret is None:
            raise NotFound("The vault does not have this secret: it was removed.")
        return secret

    def delete(self, reference: str) -> None:
        """Removes the secret; a second time does nothing."""
        with self._locked():
            held = self._read()
            if held.pop(reference, None) is not None:
                self._write(held)

    def check(self) -> None:
        """Returns where the file opens, or is not there yet."""
        self._read()

    def _read(self) -> dict[str, str]:
        try:
            encrypted = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            held: dict[str, str] = json.loads(self._fernet(make=False).decrypt(encrypted))
        except InvalidToken:
            raise RelayError(
                f"The vault file {self._path.name!r} was written with another key: give that key again, or remove the "
                "file and enter the secrets anew."
            ) from None
        return held

    def _write(self, held: dict[str, str]) -> None:
        fresh = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}.new")
        try:
            _create(fresh, self._fernet(make=True).encrypt(json.dumps(held).encode()))
            fresh.replace(self._path)
        finally:
            fresh.unlink(missing_ok=True)

    def _fernet(self, *, make: bool) -> Fernet:
        try:
            return Fernet(self._key or self._key_beside(make=make))
        except ValueError:
            raise RelayError("The vault's key is none: it must be 32 bytes in base64url (44 characters).") from None

    def _key_beside(self, *, make: bool) -> bytes:
        beside = self._path.with_name(f"{self._path.name}.key")
        if make and not beside.exists() and not self._path.exists():
            _create(beside, Fernet.generate_key())
        try:
            return beside.read_bytes().strip()
        except FileNotFoundError:
            raise RelayError(
                f"The vault file {self._path.name!r} is there and its key {beside.name!r} is not: put the key back, or "
                "remove the file and enter the secrets anew."
            ) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + _LOCK_SECONDS
        # The lock has a file of its own, since the vault's own file is another one after each write.
        handle = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
        try:
            while not _taken(handle):
                if time.monotonic() > deadline:
                    raise TryLater("Another process holds the vault file.")
                time.sleep(0.01)
            yield
        finally:
            os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _create(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
