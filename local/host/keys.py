"""The access keys that `--enable-auth` asks for."""

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Keys:
    """One master key, and one key that opens every function."""

    master: str
    function: str

    def admits(self, level: str, headers: Mapping[str, str], query: str) -> bool:
        """Tells whether a request may pass: `x-functions-key`, or `?code=`."""
        if level == "anonymous":
            return True
        shown = headers.get("x-functions-key") or parse_qs(query).get("code", [""])[0]
        accepted = (self.master,) if level == "admin" else (self.master, self.function)
        return any(hmac.compare_digest(shown.encode(), key.encode()) for key in accepted)


def load(folder: Path) -> Keys:
    """Reads the keys, and makes them on first use."""
    path = folder / "keys.json"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps({"master": secrets.token_urlsafe(32), "function": secrets.token_urlsafe(32)}))
    return Keys(**json.loads(path.read_text()))
