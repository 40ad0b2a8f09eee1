"""The real parts together, each a process of its own: Azurite, Microsoft 365, the function app, the customer."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueServiceClient

from local import azurite
from local.m365 import process, samples
from local.m365.control import Delivered, Microsoft365
from local.stack import ports
from local.stack.api import Api
from local.stack.children import Child, child
from local.stack.environment import Surroundings, environment
from local.stack.keys import Keys
from local.stack.parts import host_command
from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.accounts import AccountTable
from shared.adapters.storage.tables.due import DueTable
from shared.domain.accounts import Account, account_key
from shared.domain.due import Due, DueKind, Heartbeat
from shared.domain.errors import Changed
from shared.domain.jobs import Job, JobKind
from shared.ports.records import Stored
from tests.faults.customer import Customer

# A job leads to changes, a change to retries.
QUEUES = ("jobs", "changes", "retries")
_TENANT = "contoso.example"


@dataclass
class App:
    """The function app, which can be killed and started again on the same storage."""

    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    api: Api
    _life: ExitStack = field(default_factory=ExitStack)
    _child: Child | None = None
    starts: int = 0

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.launch()
        self.come_up()

    def launch(self) -> None:
        """Start it."""
        self.starts += 1
        log = self._log_of(self.starts)
        self._child = self._life.enter_context(
            child("The function app", self.command, log=log, environment=self.environment)
        )

    def come_up(self) -> None:
        """Wait until it answers."""
        assert self._child is not None
        self._child.wait_until(self.api.is_up)

    def logs(self) -> list[Path]:
        """Return where each process wrote what it did."""
        return [self._log_of(number) for number in range(1, self.starts + 1)]

    def _log_of(self, number: int) -> Path:
        return self.log.with_suffix(f".{number}.log")

    def kill(self) -> None:
        """End it without a word, as a machine that is gone."""
        if self._child is not None and self._child.process.poll() is None:
            os.killpg(self._child.pid, signal.SIGKILL)
        self.stop()

    def died(self, seconds: float) -> bool:
        """Tell whether it ends by itself within this time."""
        assert self._child is not None
        try:
            return self._child.process.wait(seconds) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False

    def stop(self) -> None:
        """Ask it to end, where it has not ended yet."""
        self._life.close()

    def restart(self, **settings: str) -> None:
        """Have it go on with these settings changed."""
        self.stop()
        self.environment = {**self.environment, **settings}
        self.start()


@dataclass(frozen=True)
class Stack:
    """A stack that runs, with mailboxes that are watched; `others` are more processes of the app beside `app`."""

    m365: Microsoft365
    customer: Customer
    app: App
    api: Api
    mailboxes: Sequence[str]
    queues: QueueServiceClient
    storage: StorageConnection
    others: Sequence[App] = ()

    @property
    def accounts(self) -> list[str]:
        """The accounts of the mailboxes, in the same order."""
        return [f"m{index}" for index in range(len(self.mailboxes))]

    def row(self, account: str) -> Account:
        """Return an account as it is stored."""
        return self._stored(account).value

    def watched_for(self, time_past: timedelta) -> None:
        """Make every account one that has been watched for so long."""
        for account in self.accounts:
            self._change(account, watched_since=datetime.now(UTC) - time_past)

    def make_due(self, account: str, at: datetime) -> None:
        """Name a sweep of an account in its row and in the due index."""
        self._change(account, next_sweep=at)
        row = self.row(account)
        DueTable(self.storage).put(Due(kind=DueKind.SWEEP, subject=row.key, at=at, incarnation=row.incarnation))

    def sync(self, account: str) -> None:
        """Ask through the public API for a look at a mailbox."""
        self._ask(account, "sync")

    def reconnect(self, account: str) -> None:
        """Ask through the public API for a fresh connection."""
        self._ask(account, "reconnect")

    def _ask(self, account: str, what: str) -> None:
        headers = {"Authorization": f"Bearer {self.api.token}"}
        url = f"{self.api.url}/v1/account/{account}/{what}"
        answer = requests.put(url, json={what: True}, headers=headers, timeout=30)
        assert (answer.status_code, answer.json()) == (200, {what: True})

    def sweep(self, account: str) -> None:
        """Have the sweep that the account's row names happen now."""
        row = self.row(account)
        job = Job(kind=JobKind.SWEEP, account=row.key, incarnation=row.incarnation, at=row.next_sweep)
        self.storage.queue("jobs").send_message(job.model_dump_json())

    def is_queued(self, account: str, at: datetime) -> bool:
        """Tell whether the sweep that was due at a moment is a job; one whose wait was short may be done already."""
        return self.waiting("jobs") > 0 or self.row(account).next_sweep != at

    def end_claim(self) -> None:
        """Let the claim of a tick that was killed lapse, which takes two minutes by itself."""
        due = DueTable(self.storage)
        stored = due.heartbeat()
        if stored is not None:
            # Who beats at this moment is alive, and lets go by himself.
            with suppress(Changed):
                due.beat(Heartbeat(until=stored.value.until), stored.etag)

    def ticked_since(self, moment: datetime) -> bool:
        """Tell whether a tick that began after a moment is at its end."""
        stored = DueTable(self.storage).heartbeat()
        return stored is not None and stored.value.until >= moment and stored.value.claimed is None

    def tick(self) -> None:
        """Fire the timer."""
        self.fire("timers")

    def fire(self, function: str) -> None:
        """Have a timer's function run now, once; what fails is not repeated, unlike a message of a queue."""
        # https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
        answer = requests.post(f"{self.api.url}/admin/functions/{function}", json={"input": ""}, timeout=30)
        assert answer.status_code == 202

    def _stored(self, account: str) -> Stored[Account]:
        stored = AccountTable(self.storage).get(account_key(account))
        assert stored is not None
        return stored

    def _change(self, account: str, **values: object) -> None:
        while True:
            stored = self._stored(account)
            # The app may write the row at this moment.
            with suppress(Changed):
                AccountTable(self.storage).replace(stored.value.model_copy(update=values), stored.etag)
                return

    def deliver(self, number: int, *, rate: float | None = None) -> list[Delivered]:
        """Deliver so many messages to the mailboxes in turn."""
        return self.m365.deliver_many(self.mailboxes, number, [samples.plain()], rate=rate)

    def settle(self, seconds: float, *queues: str) -> None:
        """
        Return once Graph has nothing to tell and no queue holds anything, or none of these.

        That is seen twice in a row, since a change may lead to a job, whose queue was asked before.
        """
        until = time.monotonic() + seconds
        empty = 0
        while empty < 2:
            waiting = {"Graph": self.m365.stats()["waiting"], **{name: self.waiting(name) for name in queues or QUEUES}}
            empty = 0 if any(waiting.values()) else empty + 1
            assert time.monotonic() < until, f"There is still waiting: {waiting}."
            time.sleep(0.1)

    def poisoned(self) -> int:
        """Return how many messages the host gave up."""
        return sum(self.waiting(f"{name}-poison") for name in QUEUES)

    def waiting(self, queue: str) -> int:
        """Return how many messages a queue holds, hidden ones too."""
        try:
            properties = self.queues.get_queue_client(queue).get_queue_properties()
        except ResourceNotFoundError:
            return 0
        return int(properties.approximate_message_count or 0)


def new(messages: Sequence[Delivered]) -> set[tuple[str, str]]:
    """Return the events that messages that came lead to."""
    return {("messageNew", message.id) for message in messages}


@contextmanager
def running(
    folder: Path,
    *,
    mailboxes: int = 5,
    lease: float = 600,
    settings: Mapping[str, str] | None = None,
    apps: int = 1,
    host: str = "local.host",
) -> Iterator[Stack]:
    """
    Start every part, connect the mailboxes through the public API, and stop everything in the end.

    Of several *apps* Graph calls the first; all of them work on the same queues. `host` is the module that runs one.
    """
    keys, port = Keys(), ports.free()
    customer = Customer(keys.service_secret, ports.free())
    with ExitStack() as parts:
        storage = parts.enter_context(azurite.running())
        m365 = parts.enter_context(process.running(folder / "m365"))
        customer.open()
        parts.callback(customer.close)
        api = Api(f"http://127.0.0.1:{port}", keys.api_token)
        around = Surroundings(
            storage=storage.connection_string,
            vault=folder / "vault",
            service_url=api.url,
            m365_url=m365.url,
            authority=m365.authority,
            keys=keys,
        )
        started = []
        for name in ("app", *(f"app-{number}" for number in range(1, apps))):
            own = api if name == "app" else Api(f"http://127.0.0.1:{ports.free()}", keys.api_token)
            usual = host_command(int(own.url.rpartition(":")[2]), folder / f"host-of-{name}")
            command = [*(host if part == "local.host" else part for part in usual), "--lease", str(lease)]
            app = App(command, {**environment(around), **(settings or {})}, folder / name, own)
            # What it has in hand in the end nobody waits for.
            parts.callback(app.kill)
            app.launch()
            started.append(app)
        for app in started:
            app.come_up()
        # Graph repeats after a second instead of ten, so that no test has to wait for it. And it trusts us however busy
        # this machine is: what is for an endpoint that takes three seconds to answer, it keeps back for ten minutes.
        m365.m365.behaviour(retry_scale=0.1, endpoint_rules=False)
        queues = parts.enter_context(QueueServiceClient.from_connection_string(storage.connection_string))
        addresses = _connect(m365.m365, api, keys, customer, mailboxes)
        tables = StorageConnection(connection_string=storage.connection_string)
        yield Stack(m365.m365, customer, started[0], api, addresses, queues, tables, started[1:])


def _connect(m365: Microsoft365, api: Api, keys: Keys, customer: Customer, number: int) -> list[str]:
    tenant = m365.add_tenant(domain=_TENANT)
    application = m365.add_application(tenant.id, secret=keys.client_secret)
    kinds = ["messageNew", "messageUpdated", "messageMoved", "messageDeleted", "messageMissing"]
    settings = {"webhooks": customer.url, "webhooksEnabled": True, "webhookEvents": kinds}
    api.post("/v1/settings", {**settings, "serviceSecret": keys.service_secret})
    registration = {"name": "Faults", "provider": "outlookService", "authority": tenant.id}
    credential = {"clientId": application.client_id, "clientSecret": keys.client_secret}
    app = api.post("/v1/oauth2", {**registration, **credential})["id"]
    addresses = [m365.add_mailbox(tenant.id, f"m{index}@{_TENANT}").address for index in range(number)]
    for index, address in enumerate(addresses):
        oauth2 = {"provider": app, "auth": {"user": address}}
        api.post("/v1/account", {"account": f"m{index}", "email": address, "oauth2": oauth2})
    until = time.monotonic() + 240
    while any(api.get(f"/v1/account/m{index}")["state"] != "connected" for index in range(number)):
        assert time.monotonic() < until, "The mailboxes were not connected in time."
        time.sleep(0.1)
    return addresses
