"""What the probe says about our own public address."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from shared.adapters.endpoint_probe import HttpEndpointProbe
from shared.domain.errors import TryLater

PROBE = HttpEndpointProbe("test")
PATH = "/oauth/msg/notification"


class Service(ThreadingHTTPServer):
    """A server that takes no offence at a caller who leaves early."""

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Callable[..., str]]:
    """Return a maker of services that answer the handshake as told, and return their URL."""
    running: list[Service] = []

    def make(
        answer: Callable[[str], str] = lambda query: parse_qs(query)["validationToken"][0],
        status: int = 200,
        kind: str = "text/plain; charset=utf-8",
        tls: ssl.SSLContext | None = None,
    ) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                parts = urlsplit(self.path)
                body = answer(parts.query).encode() if parts.path == PATH else b"wrong path"
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Location", "https://elsewhere.invalid/")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = Service(("127.0.0.1", 0), Handler)
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        running.append(server)
        return f"{'https' if tls else 'http'}://localhost:{server.server_port}"

    yield make
    for server in running:
        server.shutdown()
        server.server_close()


def test_exact_token_is_enough(service: Callable[..., str]) -> None:
    """An endpoint that repeats the decoded token as plain text is reached, with a slash too many in our setting too."""
    PROBE.reach(service())
    PROBE.reach(service() + "/")


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ({"status": 301}, "redirects, which Graph does not follow; set the service URL"),
        ({"status": 401}, "answers 401 instead of 200; let callers in without a sign-in"),
        ({"status": 403}, "answers 403 instead of 200; let Graph's addresses in"),
        ({"status": 404}, "answers 404 instead of 200; set the service URL"),
        ({"status": 599}, "answers 599 instead of 200; look into the log"),
        ({"kind": "text/html"}, "answers with 'text/html' instead of 'text/plain'"),
        ({"answer": lambda query: query.partition("=")[2]}, "does not repeat the token exactly"),
        ({"answer": lambda _: ""}, "does not repeat the token exactly"),
        ({"answer": lambda query: parse_qs(query)["validationToken"][0] + "\n"}, "does not repeat the token exactly"),
    ],
)
def test_wrong_answer_is_told(service: Callable[..., str], behaviour: dict[str, object], said: str) -> None:
    """Whatever Graph would not take is named, with what would mend it."""
    with pytest.raises(TryLater) as raised:
        PROBE.reach(service(**behaviour))
    assert said in str(raised.value)
    assert PATH in str(raised.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://localhost:1", "no connection comes about"),
        ("https://nowhere.invalid", "no connection comes about"),
        ("app.example", "the service URL is no URL"),
    ],
)
def test_unreachable_address_is_told(monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    """Where nobody answers, the sentence says what to check."""

    def look_up(host: str, *arguments: Any, **named: Any) -> Any:
        if host == "nowhere.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ask(host, *arguments, **named)

    # No question leaves the machine, where a name server might be slow.
    ask = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(TryLater, match=said):
        PROBE.reach(url)


def test_silence_is_told(service: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that is slower than Graph's patience is not reached."""
    monkeypatch.setattr("shared.adapters.endpoint_probe._TIMEOUT_SECONDS", 0.1)
    released = threading.Event()
    url = service(lambda _: str(released.wait(60)))
    with pytest.raises(TryLater, match="no answer came in time"):
        PROBE.reach(url)
    released.set()


def test_certificate_counts(service: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that Graph would refuse is told, and an authority named in REQUESTS_CA_BUNDLE is accepted."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    url = service(tls=tls)
    with pytest.raises(TryLater, match="its certificate is not accepted"):
        PROBE.reach(url)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    PROBE.reach(url)
