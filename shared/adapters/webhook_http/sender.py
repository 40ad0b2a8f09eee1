"""The WebhookSender: many POSTs at once, each with a lane, a deadline and an outcome."""

import logging
import ssl
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from contextlib import suppress
from datetime import timedelta
from functools import partial
from ipaddress import ip_network
from time import monotonic

import certifi

from shared.adapters.webhook_http.connections import Connections
from shared.adapters.webhook_http.deadlines import Watchdog
from shared.adapters.webhook_http.dialer import Dialer, Resolve, look_up
from shared.adapters.webhook_http.exchange import Request, exchange, headers_to_send
from shared.adapters.webhook_http.failures import decipher
from shared.adapters.webhook_http.lanes import Lanes
from shared.adapters.webhook_http.targets import read_target
from shared.domain.deliveries import Outcome
from shared.ports.deliveries import BUSY, Post

_log = logging.getLogger(__name__)

# However well a lane moves: whoever calls must be done long before his queue message's lease is over.
_LONGEST_WAIT = 60.0


class HttpWebhookSender:
    """
    Posts to customers' endpoints over HTTP/1.1.

    *allowed_networks* opens private networks that the operator means to reach. Each lane has *lane_limit* POSTs in
    flight; one that waits for its turn comes back as BUSY when nothing in its lane has moved for *patience*. Follows no
    redirect, knows no proxy, no cookie and no .netrc, and decodes nothing.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        allowed_networks: Sequence[str] = (),
        allow_http: bool = False,
        timeout: timedelta = timedelta(seconds=15),
        workers: int = 96,
        lane_limit: int = 16,
        patience: timedelta = timedelta(seconds=2),
        ca_bundle: str | None = None,
        resolver: Resolve = look_up,
    ) -> None:
        self._user_agent = user_agent
        self._allow_http = allow_http
        self._patience = patience.total_seconds()
        self._watchdog = Watchdog(timeout)
        self._workers = ThreadPoolExecutor(workers, "webhook-post")
        self._lanes: Lanes[Outcome] = Lanes(self._workers, lane_limit)
        # Apart from the workers, so that names that do not resolve hold up nobody whose connection stands.
        self._lookups = ThreadPoolExecutor(workers, "webhook-name")
        self._defects: deque[str] = deque(maxlen=workers)
        allowed = tuple(ip_network(network) for network in allowed_networks)
        tls = ssl.create_default_context(cafile=ca_bundle or certifi.where())
        tls.set_alpn_protocols(["http/1.1"])
        self._connections = Connections(Dialer(allowed, resolver, self._lookups), tls, workers)

    def send(self, posts: Sequence[Post]) -> list[Outcome]:
        """Makes all POSTs in parallel and returns their outcomes in the same order; see the port."""
        latest = monotonic() + _LONGEST_WAIT
        futures = [self._lanes.run(post.lane, partial(self._attempt, post)) for post in posts]
        outcomes = [self._outcome(future, post.lane, latest) for future, post in zip(futures, posts, strict=True)]
        self._tell_defects()
        return outcomes

    def _tell_defects(self) -> None:
        # Here and not in the threads: the Functions worker drops what these say (see functions/threads.py).
        while self._defects:
            with suppress(IndexError):
                _log.error("webhook.post_broke %s", self._defects.popleft())

    def _outcome(self, future: Future[Outcome], lane: str, latest: float) -> Outcome:
        while True:
            try:
                return future.result(timeout=self._patience)
            except NotInTime:
                tired = self._lanes.stands_for(lane) >= self._patience or monotonic() > latest
                if not tired:
                    continue
                return BUSY if future.cancel() else future.result()

    def close(self) -> None:
        """Ends the threads and closes what is kept open; a lookup that hangs is left behind."""
        self._workers.shutdown()
        self._lookups.shutdown(wait=False, cancel_futures=True)
        self._watchdog.close()
        self._connections.close()

    def _attempt(self, post: Post) -> Outcome:
        started = monotonic()
        status, error, retry_after = None, None, None
        try:
            target = read_target(post.url, allow_http=self._allow_http)
            request = Request(target, headers_to_send(target, post.headers, self._user_agent), post.body)
            with self._watchdog.deadline() as deadline:
                answer = exchange(request, self._connections, deadline)
            status, retry_after = answer.status, answer.retry_after
        except Exception as caught:  # noqa: BLE001  the port promises an outcome for every POST, so a defect is one too
            error = decipher(caught)
            if error is None:
                # Its text may quote a header or a URL, so only its kind is told.
                self._defects.append(type(caught).__name__)
                error = "internal_error"
        return Outcome(
            status=status, error=error, retry_after=retry_after, milliseconds=round((monotonic() - started) * 1000)
        )
