"""A customer's endpoint that misbehaves as it is told, and keeps everything that it was sent."""

import contextlib
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.receiver import problem_of


@dataclass(frozen=True)
class Answer:
    """What the endpoint says, after `delay` seconds; one that drips sends a letter at a time, and no status comes."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drips: bool = False
    delay: float = 0

    @property
    def accepts(self) -> bool:
        """Whether the event counts as delivered."""
        return self.status == 200 and not self.drips


@dataclass(frozen=True)
class Arrival:
    """One POST as it came; `number` counts those of its event, from 1."""

    at: float
    id: str
    number: int
    event: str
    account: str
    data: Mapping[str, Any]
    body: bytes
    problem: str | None
    answer: Answer

    @property
    def message(self) -> str:
        """The id of the message that the event is about."""
        return str(self.data.get("id", ""))


@dataclass
class Customer:
    """Listens at `url` while it is open; `answer` is asked about each POST: its event's data and its number."""

    secret: str
    port: int
    answer: Callable[[Mapping[str, Any], int], Answer] = lambda _data, _number: Answer()
    arrivals: list[Arrival] = field(default_factory=list)
    _numbers: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where webhooks go."""
        return f"http://127.0.0.1:{self.port}/hook"

    def open(self) -> None:
        """Start to listen."""
        handler = type("Bound", (_Handler,), {"customer": self})
        self._server = _Listener(("127.0.0.1", self.port), handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Refuse every connection from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def take(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Keep a POST and return the answer to it."""
        payload = json.loads(body)
        event = headers.get("webhook-id", "")
        problem = problem_of(self.secret, headers, body)
        with self._lock:
            self._numbers[event] += 1
            number = self._numbers[event]
            answer = self.answer(payload["data"], number)
            arrival = Arrival(
                time.time(), event, number, payload["event"], payload["account"], payload["data"], body, problem, answer
            )
            self.arrivals.append(arrival)
        return answer

    def of(self, message: str, event: str = "messageNew") -> list[Arrival]:
        """Return what came about one message, in order."""
        with self._lock:
            return [arrival for arrival in self.arrivals if (arrival.message, arrival.event) == (message, event)]

    def accepted(self) -> dict[tuple[str, str], int]:
        """Return how often each event of each message was accepted."""
        with self._lock:
            return Counter((arrival.event, arrival.message) for arrival in self.arrivals if arrival.answer.accepts)

    def wait_for(self, wanted: Collection[tuple[str, str]], seconds: float, *, but: int = 0) -> None:
        """Return once every wanted event of a message, *but* so many, was accepted."""
        until = time.monotonic() + seconds
        while len(missing := set(wanted) - self.accepted().keys()) > but:
            assert time.monotonic() < until, f"{len(missing)} of {len(wanted)} events did not come: {list(missing)[:3]}"
            time.sleep(0.05)

    def differing(self) -> list[tuple[bytes, ...]]:
        """Return the bodies of each id that came with other bytes than the first time."""
        bodies: defaultdict[str, set[bytes]] = defaultdict(set)
        for arrival in list(self.arrivals):
            bodies[arrival.id].add(arrival.body)
        return [tuple(sorted(various)) for various in bodies.values() if len(various) > 1]

    def forged(self) -> list[str]:
        """Return what does not verify."""
        return [arrival.problem for arrival in list(self.arrivals) if arrival.problem]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class _Handler(BaseHTTPRequestHandler):
    customer: Customer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.customer.take(dict(self.headers), body)
        # Who has waited long enough hangs up.
        with contextlib.suppress(OSError):
            time.sleep(answer.delay)
            for _ in range(100 if answer.drips else 0):
                self.wfile.write(b"H")
                time.sleep(0.2)
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

    def log_message(self, *args: object) -> None:
        pass
