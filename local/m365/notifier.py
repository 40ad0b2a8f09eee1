"""Pushes notifications: what is due for a URL goes out together, and is retried until it is too old."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from local.m365.behaviour import Behaviour
from local.m365.endpoint_health import EndpointHealth
from local.m365.faults import Faults
from local.m365.stats import Stats

HEADERS = {"Content-Type": "application/json; charset=utf-8"}
LONGEST_PAUSE = 30 * 60


@dataclass(slots=True)
class Delivery:
    """Items that travel in one POST, again and again until they arrive."""

    items: list[dict[str, Any]]
    first_at: float
    attempts: int = 0


@dataclass(slots=True, eq=False)
class Endpoint:
    """What waits for one URL."""

    url: URL
    health: EndpointHealth
    #: (due, item), in the order of due.
    waiting: deque[tuple[float, dict[str, Any]]] = field(default_factory=deque)
    retries: deque[Delivery] = field(default_factory=deque)
    in_flight: int = 0
    timer: asyncio.TimerHandle | None = None

    def next(self, now: float, most: int) -> Delivery | None:
        """Takes what goes out now: a retry, or everything due up to the size of a POST."""
        if self.retries:
            return self.retries.popleft()
        items: list[dict[str, Any]] = []
        while self.waiting and len(items) < most and self.waiting[0][0] <= now:
            items.append(self.waiting.popleft()[1])
        return Delivery(items, now) if items else None


class Notifier:
    """The pushing half of Graph."""

    def __init__(self, behaviour: Behaviour, faults: Faults, stats: Stats) -> None:
        self._behaviour = behaviour
        self._faults = faults
        self._stats = stats
        self._endpoints: dict[str, Endpoint] = {}
        self._health: dict[str, EndpointHealth] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._later: set[asyncio.TimerHandle] = set()
        self.client: ClientSession | None = None
        #: Told with a host when its notifications start to be dropped.
        self.on_drop: Callable[[str], None] = lambda _host: None

    @property
    def session(self) -> ClientSession:
        """The client that calls endpoints; the server opens it before it serves."""
        if self.client is None:
            raise RuntimeError("The server has not started.")
        return self.client

    def push(self, url: str, item: dict[str, Any]) -> None:
        """Sends an item when the usual latency has passed, faults permitting."""
        self._stats.count("notifications_made")
        if self._faults.strikes("lost", _messages(item)):
            return
        self._put(url, item)
        if self._faults.strikes("duplicated", _messages(item)):
            self._put(url, item)

    def push_after(self, seconds: float, url: str, item: dict[str, Any]) -> None:
        """Sends an item when a pause is over."""
        self._after(seconds, lambda: self.push(url, item))

    def _put(self, url: str, item: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        extra = self._endpoint(url).health.delay(loop.time())
        if self._faults.strikes("delayed", _messages(item)):
            extra += float(self._faults.option("delayed", "seconds", 5))
        if self._faults.strikes("reordered", _messages(item)):
            extra += self._behaviour.notification_latency + 0.1
        if extra:
            self._after(extra, lambda: self._queue(url, item))
        else:
            self._queue(url, item)

    def _queue(self, url: str, item: dict[str, Any]) -> None:
        endpoint = self._endpoint(url)
        now = asyncio.get_running_loop().time()
        if endpoint.health.drops(now):
            self._stats.count("notifications_dropped")
            return
        endpoint.waiting.append((now + self._behaviour.notification_latency, item))
        self._arm(endpoint)

    def _endpoint(self, url: str) -> Endpoint:
        found = self._endpoints.get(url)
        if found is None:
            target = URL(url, encoded=True)
            # The rules hold for a host, with all the URLs on it.
            health = self._health.setdefault(target.authority, EndpointHealth(self._behaviour))
            found = self._endpoints[url] = Endpoint(target, health)
        return found

    def _arm(self, endpoint: Endpoint) -> None:
        if endpoint.timer is None and endpoint.waiting and endpoint.in_flight < self._behaviour.posts_in_flight:
            loop = asyncio.get_running_loop()
            endpoint.timer = loop.call_at(endpoint.waiting[0][0], self._due, endpoint)

    def _due(self, endpoint: Endpoint) -> None:
        endpoint.timer = None
        self._pump(endpoint)

    def _pump(self, endpoint: Endpoint) -> None:
        loop = asyncio.get_running_loop()
        while endpoint.in_flight < self._behaviour.posts_in_flight:
            # A timer fires up to its resolution early.
            delivery = endpoint.next(loop.time() + 0.001, self._behaviour.notifications_per_post)
            if delivery is None:
                break
            endpoint.in_flight += 1
            task = loop.create_task(self._deliver(endpoint, delivery))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._arm(endpoint)

    async def _deliver(self, endpoint: Endpoint, delivery: Delivery) -> None:
        delivery.attempts += 1
        first = delivery.attempts == 1
        try:
            if first and self._faults.strikes("refused", _messages(*delivery.items)):
                arrived = False
            else:
                allowed = self._behaviour.first_timeout if first else self._behaviour.retry_timeout
                arrived = await self._post(endpoint, delivery, allowed)
        finally:
            endpoint.in_flight -= 1
        if arrived:
            self._stats.count("notifications_acknowledged", len(delivery.items))
        else:
            self._retry(endpoint, delivery)
        self._pump(endpoint)

    async def _post(self, endpoint: Endpoint, delivery: Delivery, allowed: float) -> bool:
        loop = asyncio.get_running_loop()
        body: dict[str, Any] = {"value": delivery.items}
        if self._faults.strikes("null_validation_tokens"):
            body["validationTokens"] = None
        self._stats.count("posts")
        self._stats.count("notifications_sent", len(delivery.items))
        started = loop.time()
        status = 0
        with contextlib.suppress(TimeoutError, ClientError, OSError):
            async with self.session.post(
                endpoint.url,
                data=json.dumps(body).encode(),
                headers=HEADERS,
                timeout=ClientTimeout(total=allowed),
                allow_redirects=False,
            ) as response:
                await response.read()
                status = response.status
        seconds = loop.time() - started
        self._stats.acknowledged(seconds * 1000)
        self._stats.count(f"posts_answered_{status}" if status else "posts_unanswered")
        if seconds >= 3:
            self._stats.count("posts_later_than_3s")
        if endpoint.health.answered(loop.time(), seconds):
            self.on_drop(endpoint.url.authority)
        return 200 <= status < 300

    def _retry(self, endpoint: Endpoint, delivery: Delivery) -> None:
        scale = self._behaviour.retry_scale
        pause = min(self._behaviour.retry_delay * 2.0 ** (delivery.attempts - 1), LONGEST_PAUSE) * scale
        age = asyncio.get_running_loop().time() - delivery.first_at
        if age + pause > self._behaviour.retry_horizon * scale:
            self._stats.count("notifications_given_up", len(delivery.items))
            return
        self._stats.count("retries")

        def again() -> None:
            endpoint.retries.append(delivery)
            self._pump(endpoint)

        self._after(pause, again)

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        def run() -> None:
            self._later.discard(handle)
            action()

        handle = asyncio.get_running_loop().call_later(seconds, run)
        self._later.add(handle)

    def waiting(self) -> int:
        """How many notifications are not yet acknowledged, retries and delayed ones aside."""
        return sum(len(endpoint.waiting) + endpoint.in_flight for endpoint in self._endpoints.values())

    def reset(self) -> None:
        """Throws away everything that waits."""
        for endpoint in self._endpoints.values():
            if endpoint.timer is not None:
                endpoint.timer.cancel()
        for handle in self._later:
            handle.cancel()
        for task in self._tasks:
            task.cancel()
        self._later.clear()
        self._endpoints.clear()
        self._health.clear()


def _messages(*items: dict[str, Any]) -> list[str]:
    """The messages that items tell of; a lifecycle item tells of none."""
    return [item["resourceData"]["id"] for item in items if "resourceData" in item]
