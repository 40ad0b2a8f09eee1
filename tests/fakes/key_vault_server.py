"""
Azure Key Vault on this machine: as much of its protocol as the real SecretClient needs, over TLS.

The first call comes without a token and is challenged. The client accepts a challenge only where the vault's address
ends with `.` and the challenge's resource, so the vault is 127.0.0.1 and the resource 0.0.1.
"""

import json
import re
import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs, urlsplit

import trustme

_TENANT = "11111111-2222-4333-8444-555555555555"
_SECRET = re.compile(r"/secrets/([0-9a-zA-Z-]{1,127})(?:/([0-9a-f]{32})?)?")


class Answer(NamedTuple):
    """What the vault says."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class KeyVaultServer:
    """A running vault: `url` is its address, `certificate` the file that its clients trust."""

    url: str
    certificate: Path
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    _next: deque[Answer] = field(default_factory=deque)
    _versions: Iterator[int] = field(default_factory=lambda: count(1))
    _lock: Lock = field(default_factory=Lock)

    def answer_next(self, status: int, code: str, *, times: int = 1, retry_after: int | None = None) -> None:
        """Answer the next calls with an error."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self._next.extend([_error(status, code, headers)] * times)

    def forgive(self) -> None:
        """Answer as usual again."""
        self._next.clear()

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> Answer:
        """Return what the vault says to an authenticated call."""
        with self._lock:
            self.calls.append(f"{method} {path}")
            if self._next:
                return self._next.popleft()
            found = _SECRET.fullmatch(path)
            if found is None or "api-version" not in query:
                return _error(400, "BadParameter")
            name, version = found[1].lower(), found[2]
            if method == "PUT":
                return self._set(name, body)
            held = self.secrets.get(name, {})
            version = version or next(reversed(held), "")
            if version not in held:
                return _error(404, "SecretNotFound")
            return self._delete(name) if method == "DELETE" else self._bundle(name, version)

    def _set(self, name: str, body: dict[str, Any]) -> Answer:
        if name in self.deleted:
            return _error(409, "Conflict", inner="ObjectIsDeletedButRecoverable")
        if len(body["value"].encode()) > 25_600:
            return _error(400, "BadParameter")
        version = f"{next(self._versions):032x}"
        self.secrets.setdefault(name, {})[version] = body["value"]
        return self._bundle(name, version)

    def _delete(self, name: str) -> Answer:
        gone = self._bundle(name, list(self.secrets[name])[-1])
        del self.secrets[name]
        self.deleted.add(name)
        gone.body.pop("value")
        return gone._replace(body={**gone.body, "recoveryId": f"{self.url}/deletedsecrets/{name}"})

    def _bundle(self, name: str, version: str) -> Answer:
        held = {"id": f"{self.url}/secrets/{name}/{version}", "value": self.secrets[name][version]}
        attributes = {"enabled": True, "created": 1772443800, "updated": 1772443800, "recoveryLevel": "Recoverable"}
        return Answer(200, {**held, "attributes": attributes}, {})


@contextmanager
def running(folder: Path) -> Iterator[KeyVaultServer]:
    """Run a vault; its certificate is written into *folder*."""
    authority = trustme.CA()
    certificate = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        vault = KeyVaultServer(f"https://127.0.0.1:{server.server_port}", certificate)
        server.vault = vault
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield vault
        finally:
            server.shutdown()
            thread.join()


def _error(status: int, code: str, headers: dict[str, str] | None = None, *, inner: str | None = None) -> Answer:
    error: dict[str, Any] = {"code": code, "message": f"({code})"}
    if inner:
        error["innererror"] = {"code": inner}
    return Answer(status, {"error": error}, headers or {})


class _Server(ThreadingHTTPServer):
    vault: KeyVaultServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        vault = cast("_Server", self.server).vault
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        if not self.headers.get("Authorization", "").startswith("Bearer "):
            port = urlsplit(vault.url).port
            challenge = (
                f'Bearer authorization="https://login.microsoftonline.com/{_TENANT}", resource="https://0.0.1:{port}"'
            )
            self._say(Answer(HTTPStatus.UNAUTHORIZED, {}, {"WWW-Authenticate": challenge}))
            return
        self._say(vault.answer(self.command, url.path, parse_qs(url.query), json.loads(sent or b"{}")))

    do_GET = do_PUT = do_DELETE = _serve  # noqa: N815  the base class names them so

    def _say(self, answer: Answer) -> None:
        data = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        """Say nothing."""
