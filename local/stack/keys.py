"""What a stack of this machine keeps secret: made once by chance, kept in a file that only its owner reads."""

import json
import os
import secrets
from base64 import b64encode
from dataclasses import asdict, dataclass, field
from pathlib import Path

OWNER_ONLY = 0o600


def api_token() -> str:
    """Returns a new access token."""
    return secrets.token_hex(32)


def client_state_keys() -> str:
    """Returns a new key for client states, as the setting wants it."""
    return f"k1:{b64encode(secrets.token_bytes(32)).decode()}"


@dataclass(frozen=True)
class Keys:
    """The secrets of one stack."""

    api_token: str = field(default_factory=api_token)
    client_state_keys: str = field(default_factory=client_state_keys)
    service_secret: str = field(default_factory=lambda: f"whsec_{b64encode(secrets.token_bytes(32)).decode()}")
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    sidecar_key: str = field(default_factory=lambda: secrets.token_urlsafe(32))


def kept(path: Path) -> Keys:
    """Returns the keys in *path*, which is written where it is missing or is none of ours."""
    try:
        return Keys(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        keys = Keys()
        write_private(path, json.dumps(asdict(keys), indent=2) + "\n")
        return keys


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner reads, from its first moment on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
