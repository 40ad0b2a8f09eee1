"""The local stack as benchmarks use it: with connected mailboxes, and with everything counted that can be."""

import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from local import azurite
from local.m365 import samples
from local.m365.control import Delivered, Mailbox
from local.receiver import Received
from local.stack.api import Api
from local.stack.errors import StackRefused
from local.stack.journey import oauth2, settings
from local.stack.parts import APP_LOG, Plan, Stack, running
from shared.adapters.storage.connection import StorageConnection

CLIENTS = 8
_UNDER_WAY = 400
_HANDFUL = 50
_MAIL = (samples.plain(), samples.newsletter(), samples.non_ascii(), samples.with_file())
# `… "POST /devstoreaccount1/changes/messages HTTP/1.1" 201 -`; the queues' paths have a second part, the tables' not.
_REQUEST = re.compile(rb'"(?P<verb>[A-Z]+) /devstoreaccount1/(?P<path>[^ ?]*)[^"]*" \d{3}')
_LOOK = b'"event":"account.swept"'
_QUEUE = re.compile(rb"/messages(/|$)")


@dataclass
class Tally:
    """Counts webhooks by event, and keeps when each new message was told first."""

    events: Counter[str] = field(default_factory=Counter)
    arrivals: dict[str, float] = field(default_factory=dict)
    unverified: int = 0

    def tell(self, received: Received) -> None:
        """Notes one webhook."""
        self.events[received.event] += 1
        self.unverified += not received.verified
        if received.event == "messageNew":
            self.arrivals.setdefault(str(received.data["messageId"]), received.at)

    def latencies(self, delivered: Sequence[Delivered]) -> list[float]:
        """Returns the milliseconds from each delivery to its webhook, in order."""
        return sorted((self.arrivals[each.internet_message_id] - each.at) * 1000 for each in delivered)


@dataclass(frozen=True)
class Bench:
    """A stack with its mailboxes, and what came of them."""

    stack: Stack
    tally: Tally
    mailboxes: Sequence[str]
    storage: StorageConnection
    _marks: list[int] = field(default_factory=list)

    def deliver(self, number: int, rate: float | None = None) -> list[Delivered]:
        """Delivers messages over the mailboxes, all at once or at a rate, and waits until each has been told."""
        expected = len(self.tally.arrivals) + number
        delivered = self.stack.m365.deliver_many(self.mailboxes, number, _MAIL, rate=rate)
        self.await_told(expected)
        return delivered

    def keep_busy(self, number: int) -> list[Delivered]:
        """Delivers messages as fast as they are told, so that there are always some hundred under way."""
        already = len(self.tally.arrivals)
        delivered: list[Delivered] = []
        for first in range(0, number, _HANDFUL):
            self.await_told(already + first - _UNDER_WAY + _HANDFUL)
            start = first % len(self.mailboxes)
            turn = [*self.mailboxes[start:], *self.mailboxes[:start]]
            delivered += self.stack.m365.deliver_many(turn, min(_HANDFUL, number - first), _MAIL)
        self.await_told(already + number)
        return delivered

    def await_told(self, number: int) -> None:
        """Waits until so many messages have been told in all."""
        self.wait(lambda: len(self.tally.arrivals) >= number, f"{number} new messages")

    def await_looks(self) -> None:
        """Waits until each mailbox has had the look that follows its connection, so that nothing else counts it."""
        log = self.stack.home / APP_LOG
        self.wait(lambda: log.read_bytes().count(_LOOK) >= len(self.mailboxes), "first looks", every=0.25)

    def wait(self, done: Callable[[], bool], what: str, seconds: float = 60, *, every: float = 0.02) -> None:
        """Waits for something; raises StackRefused where it does not come, or a process ends."""
        deadline = time.monotonic() + seconds
        while not done():
            self.stack.check()
            if time.monotonic() > deadline:
                raise StackRefused(f"{what} have not all been told within {seconds:.0f} s: {dict(self.tally.events)}")
            time.sleep(every)

    def connect(self) -> tuple[float, float]:
        """
        Registers the application and an account for each mailbox.

        Returns the seconds that the POSTs took, and the seconds from the last one until all are connected.
        """
        m365, api, keys = self.stack.m365, self.stack.api, self.stack.keys
        tenant = m365.add_tenant(domain="contoso.example")
        application = m365.add_application(tenant.id, secret=keys.client_secret)
        owners: list[Mailbox] = [m365.add_mailbox(tenant.id, address) for address in self.mailboxes]
        api.post("/v1/settings", settings(self.stack))
        app = api.post("/v1/oauth2", oauth2(tenant, application, keys.client_secret))["id"]

        def register(some: Sequence[Mailbox]) -> None:
            own = Api(api.url, api.token)
            for owner in some:
                auth = {"provider": app, "auth": {"user": owner.address}}
                own.post("/v1/account", {"account": owner.address, "email": owner.address, "oauth2": auth})

        started = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(register, [owners[first::CLIENTS] for first in range(CLIENTS)]))
        posted = time.monotonic()
        self.wait(lambda: self.tally.events["accountInitialized"] >= len(owners), "connected accounts")
        return posted - started, time.monotonic() - posted

    def mark(self) -> None:
        """Has `requests` count from here on."""
        self._marks.append(self._log.stat().st_size)

    def requests(self) -> list[bytes]:
        """Returns verb and path of all requests to Azurite since the mark, where it writes its access log."""
        with self._log.open("rb") as lines:
            lines.seek(self._marks[-1])
            return [b" ".join(match.groups()) for line in lines if (match := _REQUEST.search(line))]

    @property
    def _log(self) -> Path:
        return self.stack.home / "azurite.log"

    def graph_calls(self) -> int:
        """Returns how many requests Graph has had since its counters were reset; a `$batch` is one."""
        calls = self.stack.m365.stats()["calls"]
        return int(calls.get("batch", 0) + calls.get("graph", 0))


@contextmanager
def bench(mailboxes: int, *, azurite_options: Sequence[str] = ("--silent",)) -> Iterator[Bench]:
    """Starts a stack on free ports, in a temporary folder."""
    tally = Tally()
    addresses = [f"user{number}@contoso.example" for number in range(mailboxes)]
    with tempfile.TemporaryDirectory() as folder:
        ports = azurite.free_ports()
        plan = Plan(Path(folder), Path(folder) / "scratch", azurite_ports=ports, azurite_options=azurite_options)
        storage = StorageConnection(connection_string=azurite.Azurite(ports, 0).connection_string)
        with running(plan, tally.tell) as stack:
            yield Bench(stack, tally, addresses, storage)


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def is_queue(path: bytes) -> bool:
    """Tells whether a request was about a queue."""
    return _QUEUE.search(path) is not None
