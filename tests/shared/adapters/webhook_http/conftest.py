"""An endpoint on loopback that behaves as a test tells it, and senders that may reach it."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from shared.adapters.webhook_http import deadlines, exchange
from shared.adapters.webhook_http.sender import HttpWebhookSender
from shared.ports.deliveries import Post

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Endpoint:
    """A server that hands every request to `behaviour`, which returns the answer or None after doing its own."""

    behaviour: Callable[["Endpoint", socket.socket, bytes], bytes | None]
    tls: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}/hook"

    def close(self) -> None:
        """Ends it, and every answer that drips."""
        self.closing.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        with suppress(OSError), accepted:
            connected = self.tls.wrap_socket(accepted, server_side=True) if self.tls else accepted
            with connected:
                while request := read_request(connected):
                    self.requests.append(request)
                    answer = self.behaviour(self, connected, request)
                    if answer is None:
                        return
                    connected.sendall(answer)

    def drip(self, connected: socket.socket, letters: bytes) -> None:
        """Send *letters* one after the other, after a moment."""
        self.closing.wait(0.01)
        for letter in letters:
            connected.sendall(bytes([letter]))


def read_request(connected: socket.socket) -> bytes:
    """Return one request, head and body, or nothing at the end."""
    request = b""
    while b"\r\n\r\n" not in request:
        part = connected.recv(65536)
        if not part:
            return b""
        request += part
    head, _, body = request.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connected.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def endpoint() -> Iterator[Callable[..., Endpoint]]:
    """Return a maker of endpoints; without a behaviour they answer 200."""
    made: list[Endpoint] = []

    def make(
        behaviour: Callable[[Endpoint, socket.socket, bytes], bytes | None] = lambda *_: OK,
        tls: ssl.SSLContext | None = None,
    ) -> Endpoint:
        made.append(Endpoint(behaviour, tls))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def sender() -> Iterator[Callable[..., HttpWebhookSender]]:
    """Return a maker of senders that may reach loopback over http:// and are patient."""
    made: list[HttpWebhookSender] = []

    def make(**arguments: Any) -> HttpWebhookSender:
        settings: dict[str, Any] = {
            "user_agent": "test",
            "allowed_networks": ["127.0.0.0/8", "::1/128"],
            "allow_http": True,
            "timeout": timedelta(seconds=60),
            "patience": timedelta(seconds=60),
        }
        made.append(HttpWebhookSender(**(settings | arguments)))
        return made[-1]

    yield make
    for one in made:
        one.close()


class OftenAwake(threading.Event):
    """Lets whoever waits for it look at the time every hundredth of a second."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a moment."""
        return super().wait(0.01)


@dataclass
class Time:
    """The time that deadlines go by: it stands, however long the machine does, until a test lets it be up."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return the moment."""
        return self.now

    def is_up(self, *_: object) -> None:
        """Let every deadline come."""
        self.now = 3600.0


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Return the time of senders that are made after it."""
    time = Time()
    often_awake = SimpleNamespace(Event=OftenAwake, Lock=threading.Lock, Thread=threading.Thread)
    monkeypatch.setattr(deadlines, "threading", often_awake)
    monkeypatch.setattr(deadlines, "monotonic", time)
    return time


@pytest.fixture
def up_after_the_status(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the time be up when a status was read, and not before."""
    drain = exchange._drain

    def late(answer: Any) -> bool:
        time.is_up()
        return drain(answer)

    monkeypatch.setattr(exchange, "_drain", late)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return a certificate authority of our own."""
    return trustme.CA()


@pytest.fixture
def post() -> Callable[..., Post]:
    """Return a maker of posts."""
    return lambda url, lane="default", body=b"{}", **headers: Post(lane, url, headers, body)
