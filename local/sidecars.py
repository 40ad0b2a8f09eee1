"""
Replicas of the sidecar as processes of their own, on real storage and a real mail server.

The simulated Microsoft 365 signs users in; jobs are done here, as the function app would; what sidecars queue is read.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy, TextBase64EncodePolicy
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from local import azurite
from local.dovecot import server as dovecot
from local.dovecot.server import Dovecot
from local.m365 import process
from local.m365.control import Microsoft365
from local.m365.person import Person
from local.stack import ports
from local.stack.children import Child, child
from local.stack.environment import Surroundings, environment
from local.stack.errors import StackRefused
from local.stack.keys import Keys
from local.stack.users import without_secrets_of_the_app
from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.watches import ShardTable
from shared.bootstrap import build
from shared.domain.accounts import Account, account_key
from shared.domain.changes import AccountEvent, Change, ChangeBatch
from shared.domain.errors import RelayError
from shared.domain.jobs import jobs_of
from shared.domain.oauth2 import NewOAuth2App, OAuth2App
from shared.domain.registrations import NewAccount
from shared.domain.shards import Board
from shared.ports.sign_ins import SignedIn
from shared.services.relay import Relay
from shared.settings import read

DOMAIN = "contoso.example"
_REDIRECT = "http://localhost/oauth"
_PAUSE = 0.05


@dataclass
class Heard:
    """What came over the queue `changes`, each with the moment at which it was read."""

    changes: list[tuple[float, Change]] = field(default_factory=list)
    events: list[AccountEvent] = field(default_factory=list)

    def told(self) -> list[Change]:
        """Returns each change once: what a dead replica told last its successor tells again, under the same id."""
        told = {(change.account, change.kind, change.message, change.version): change for _, change in self.changes}
        return list(told.values())

    def of(self, account: str) -> list[Change]:
        """Returns the changes of an account, each once."""
        return [change for change in self.told() if change.account == account_key(account)]


@dataclass
class Replica:
    """One process of the sidecar."""

    child: Child
    port: int

    def health(self) -> dict[str, Any]:
        """Returns what it says of itself; nothing while it does not answer."""
        with suppress(requests.RequestException):
            answer: dict[str, Any] = requests.get(f"http://127.0.0.1:{self.port}/health", timeout=2).json()
            return answer
        return {}

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal, where it still runs."""
        if self.child.process.poll() is None:
            os.killpg(self.child.pid, number)


@dataclass
class Sidecars:
    """Replicas, and all that is around them."""

    mail: Dovecot
    m365: Microsoft365
    relay: Relay
    app: OAuth2App
    heard: Heard
    home: Path
    _shards: ShardTable
    _person: Person
    _tenant: str
    _environment: Mapping[str, str]
    _life: ExitStack
    _started: int = 0

    def start(self, **settings: str) -> Replica:
        """Starts a replica, and returns when it answers."""
        self._started += 1
        port = ports.free()
        log = self.home / f"sidecar.{self._started}.log"
        surrounding = {**self._environment, "SIDECAR_PORT": str(port), **settings}
        command = [sys.executable, "-m", "sidecar"]
        replica = Replica(self._life.enter_context(child("A sidecar", command, log=log, environment=surrounding)), port)
        replica.child.wait_until(lambda: bool(replica.health().get("healthy")))
        return replica

    def sign_in(self, user: str) -> SignedIn:
        """Has a user of the organization sign in in a browser."""
        flow = self.relay.registrations.code_flow
        begun = flow.begin(self.app, _REDIRECT, state="state", login_hint=None)
        return flow.finish(self.app, begun.flow, self._person.sign_in(begun.url, user))

    def add_user(self, name: str) -> str:
        """Makes a user with a mailbox, and returns the address."""
        address = f"{name}@{DOMAIN}"
        self.m365.add_user(self._tenant, address)
        self.mail.grant(address)
        return address

    def register(self, account: str, oauth2: Mapping[str, Any]) -> None:
        """Registers an account."""
        body = {"account": account, "oauth2": {"provider": self.app.id, **oauth2}}
        self.relay.registrations.register(NewAccount.model_validate(body))

    def account(self, name: str) -> Account:
        """Returns an account as it is stored."""
        stored = self.relay.jobs.accounts.get(account_key(name))
        if stored is None:
            raise StackRefused(f"There is no account {name}.")
        return stored.value

    def board(self) -> Board:
        """Returns what the replicas tell each other."""
        return self._shards.read()

    def wait(self, true: Callable[[], Any], what: str, seconds: float = 90) -> float:
        """Waits until something is true, and returns how long that took."""
        began = time.monotonic()
        while not true():
            if time.monotonic() - began > seconds:
                raise StackRefused(f"{what} did not come within {seconds:.0f} seconds.")
            time.sleep(_PAUSE)
        return time.monotonic() - began


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Sidecars]:
    """Starts everything but the replicas, and stops everything in the end; *settings* are for all replicas."""
    keys = Keys()
    # As root, Dovecot serves mail as another user, who must reach the folder.
    folder.chmod(0o755)
    with ExitStack() as parts:
        storage = parts.enter_context(azurite.running())
        m365 = parts.enter_context(process.running(folder / "m365"))
        mail = parts.enter_context(dovecot.running(folder / "dovecot"))
        key_id, pem = m365.m365.signing_key()
        key = load_pem_public_key(pem.encode())
        if not isinstance(key, RSAPublicKey):
            raise StackRefused("The simulated Microsoft 365 signs with another kind of key.")
        around = Surroundings(
            storage=storage.connection_string,
            vault=folder / "vault",
            service_url="http://localhost",
            m365_url=m365.url,
            authority=m365.authority,
            keys=keys,
        )
        own = {"IMAP_SERVER": f"localhost:{mail.ports.imaps}", **settings}
        variables = {**environment(around), **own}
        parts.enter_context(_surrounded(variables))
        relay = build(read())
        tenant = m365.m365.add_tenant(domain=DOMAIN)
        application = m365.m365.add_application(tenant.id, secret=keys.client_secret, redirect_uris=[_REDIRECT])
        mail.trust(key, key_id)
        body = {"name": "Mail", "provider": "outlook", "authority": "common", "redirectUrl": _REDIRECT}
        credential = {"clientId": application.client_id, "clientSecret": keys.client_secret, "enabled": True}
        app_id = relay.oauth2_apps.register(NewOAuth2App.model_validate({**body, **credential}))
        app = relay.registrations.apps.get(app_id)
        if app is None:
            raise StackRefused("The application was not registered.")
        heard = Heard()
        parts.enter_context(_working(storage.connection_string, relay, heard))
        yield Sidecars(
            mail=mail,
            m365=m365.m365,
            relay=relay,
            app=app.value,
            heard=heard,
            home=folder,
            _shards=ShardTable(StorageConnection(connection_string=storage.connection_string)),
            _person=Person(m365.authority),
            _tenant=tenant.id,
            _environment={**variables, **without_secrets_of_the_app(), "SSL_CERT_FILE": str(mail.authority)},
            _life=parts.enter_context(ExitStack()),
        )


@contextmanager
def _surrounded(variables: Mapping[str, str]) -> Iterator[None]:
    former = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(former)


@contextmanager
def _working(storage: str, relay: Relay, heard: Heard) -> Iterator[None]:
    """Does jobs and hears changes until the block is left."""
    ended = threading.Event()

    def jobs(text: str) -> None:
        relay.jobs.run_together(jobs_of(text))

    def changes(text: str) -> None:
        batch, now = ChangeBatch.model_validate_json(text), time.time()
        heard.changes += [(now, change) for change in batch.changes]
        heard.events += batch.account_events

    threads = [
        threading.Thread(target=_drain, args=(storage, name, take, ended), daemon=True)
        for name, take in (("jobs", jobs), ("changes", changes))
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _drain(storage: str, name: str, take: Callable[[str], None], ended: threading.Event) -> None:
    service = QueueServiceClient.from_connection_string(storage)
    queue = service.get_queue_client(
        name, message_encode_policy=TextBase64EncodePolicy(), message_decode_policy=TextBase64DecodePolicy()
    )
    while not ended.wait(_PAUSE):
        with suppress(ResourceNotFoundError):
            for message in queue.receive_messages(max_messages=32, visibility_timeout=60):
                # What fails comes back, as a function's message does.
                with suppress(RelayError):
                    take(message.content)
                    queue.delete_message(message)
