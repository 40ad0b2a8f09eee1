"""
Graph's limits: four requests at a time for each app and mailbox, and quotas.

A mailbox's quota is counted over fixed windows; that of subscriptions over any 20 seconds, the strictest reading.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from local.m365.behaviour import Behaviour
from local.m365.errors import throttled
from local.m365.stats import Stats

# https://learn.microsoft.com/graph/throttling-limits
MAILBOX_REQUESTS = (10_000, 600)
#: Kind of subscription call: the limit of one app in one tenant, of one app over all tenants; both over 20 seconds.
#: For writes in a tenant, `behaviour.subscription_writes` says it.
SUBSCRIPTION_CALLS = {"write": (500, 2000), "reauthorize": (1000, 4000), "get": (500, 2000), "list": (25, 40)}
SUBSCRIPTION_SECONDS = 20


class Throttle:
    """Counts what runs and what ran, and refuses what is above a limit."""

    def __init__(self, behaviour: Behaviour, stats: Stats) -> None:
        self._behaviour = behaviour
        self._stats = stats
        self._running: Counter[tuple[str, str]] = Counter()
        self._windows: dict[tuple[str, ...], tuple[int, int]] = {}
        self._admitted: defaultdict[tuple[str, ...], deque[float]] = defaultdict(deque)
        #: The most requests at a time that each mailbox saw, refused ones included.
        self.high_water: dict[str, int] = {}

    @contextmanager
    def mailbox(self, application: str, mailbox: str) -> Iterator[None]:
        """Admits a request to a mailbox for as long as it runs."""
        key = (application, mailbox)
        running = self._running[key] + 1
        if running > self.high_water.get(mailbox, 0):
            self.high_water[mailbox] = running
        if self._behaviour.limits:
            if running > self._behaviour.mailbox_concurrency:
                self._stats.count("throttled_concurrency")
                raise throttled(
                    self._behaviour.retry_after,
                    code="ApplicationThrottled",
                    message="Application is over its MailboxConcurrency limit.",
                )
            self._spend(("mailbox", *key), *MAILBOX_REQUESTS)
        self._running[key] = running
        try:
            yield
        finally:
            self._running[key] -= 1

    def subscription_call(self, kind: str, application: str, tenant: str) -> None:
        """Admits one call of the subscription API."""
        if self._behaviour.limits:
            in_tenant, over_all = SUBSCRIPTION_CALLS[kind]
            if kind == "write":
                in_tenant = self._behaviour.subscription_writes
            self._slide((kind, application, tenant), in_tenant)
            self._slide((kind, application), over_all)

    def _slide(self, key: tuple[str, ...], limit: int) -> None:
        now, admitted = time.monotonic(), self._admitted[key]
        while admitted and admitted[0] <= now - SUBSCRIPTION_SECONDS:
            admitted.popleft()
        if len(admitted) >= limit:
            self._stats.count("throttled_subscriptions")
            oldest = admitted[0] if admitted else now
            raise throttled(ceil(oldest + SUBSCRIPTION_SECONDS - now))
        admitted.append(now)

    def _spend(self, key: tuple[str, ...], limit: int, seconds: int) -> None:
        now = int(time.monotonic())
        window = now // seconds
        started, used = self._windows.get(key, (window, 0))
        used = used + 1 if started == window else 1
        self._windows[key] = (window, used)
        if used > limit:
            self._stats.count("throttled_quota")
            raise throttled((window + 1) * seconds - now)

    def reset(self) -> None:
        """Forgets what ran; what still runs ends by itself."""
        self._windows.clear()
        self._admitted.clear()
        self.high_water.clear()
