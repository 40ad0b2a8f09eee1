"""
A customer's endpoint on this machine: takes webhooks, verifies both signatures, keeps what came.

Standard Webhooks' own library is the judge of `webhook-signature`; `X-EE-Wh-Signature` is checked as EmailEngine
documents it. Nothing of the product is imported, so that a mistake there cannot hide here.
"""

import asyncio
import hashlib
import hmac
import json
import socket
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook as StandardWebhook
from standardwebhooks.webhooks import WebhookVerificationError

_HOST = "127.0.0.1"
_PREFIX = "whsec_"
_CONNECTIONS = 512


@dataclass(frozen=True, slots=True)
class Received:
    """One POST as it came; `problem` says why its signatures are not accepted, `at` is in seconds since the epoch."""

    at: float
    id: str
    payload: Mapping[str, Any]
    problem: str | None = None

    @property
    def verified(self) -> bool:
        """Whether both signatures fit the bytes."""
        return self.problem is None

    @property
    def event(self) -> str:
        """The event's name."""
        return str(self.payload.get("event", ""))

    @property
    def account(self) -> str:
        """The account's id."""
        return str(self.payload.get("account") or "")

    @property
    def data(self) -> Mapping[str, Any]:
        """What the event says."""
        return dict(self.payload.get("data") or {})


@dataclass
class Receiver:
    """
    Keeps what comes to `url`; `tell` hears of each webhook, on the receiver's own thread.

    `answer` is the status of each answer, which a test may set to play an endpoint that fails.
    """

    secret: str
    tell: Callable[[Received], None] = lambda _received: None
    answer: int = 200
    url: str = ""
    received: list[Received] = field(default_factory=list)

    async def accept(self, request: web.BaseRequest) -> web.Response:
        """Takes one POST."""
        body = await request.read()
        at = time.time()
        problem = problem_of(self.secret, request.headers, body)
        try:
            payload = json.loads(body)
        except ValueError:
            payload = None
        if not isinstance(payload, dict):
            return web.Response(status=400)
        received = Received(at, request.headers.get("webhook-id", ""), payload, problem)
        self.received.append(received)
        self.tell(received)
        return web.Response(status=self.answer)


def problem_of(secret: str, headers: Mapping[str, str], body: bytes) -> str | None:
    """Returns what is wrong with the signatures over *body*, or None where both are right."""
    standard = StandardWebhook(secret if secret.startswith(_PREFIX) else secret.encode())
    try:
        standard.verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError) as refusal:
        return f"webhook-signature: {refusal}"
    # https://learn.emailengine.app/docs/webhooks/overview
    expected = urlsafe_b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode().rstrip("=")
    if not hmac.compare_digest(expected, headers.get("X-EE-Wh-Signature", "")):
        return "X-EE-Wh-Signature does not fit"
    return None


@contextmanager
def receiving(
    secret: str, *, port: int = 0, tell: Callable[[Received], None] = lambda _received: None
) -> Iterator[Receiver]:
    """Listens on loopback, on a free port unless one is given, in a thread of its own."""
    receiver = Receiver(secret, tell)
    listening = socket.create_server((_HOST, port), backlog=_CONNECTIONS)
    receiver.url = f"http://{_HOST}:{listening.getsockname()[1]}/webhooks"
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(receiver, listening, stop),), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _serve(receiver: Receiver, listening: socket.socket, stop: asyncio.Event) -> None:
    runner = web.ServerRunner(web.Server(receiver.accept, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    await stop.wait()
    await runner.cleanup()
