"""A sidecar's internal API that runs beside a test: the real one, over HTTP, in front of the tests' mail server."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta

from aiohttp import web

from local.imap_faults import ImapFaults
from shared.adapters.system import SystemClock
from shared.domain.accounts import Account
from shared.domain.errors import GrantRefused
from shared.domain.grants import Grant, grant_id
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Machine
from shared.ports.sign_ins import Refreshed
from shared.services.grants import Grants
from shared.services.lookups import Lookup
from sidecar.api import add_routes
from sidecar.imap import tls
from sidecar.places import Places
from sidecar.pool import Pool
from sidecar.servers import MailServers
from sidecar.service import MailService
from tests.factories import APP, TENANT, an_account, an_outlook_app
from tests.fakes.clock import START
from tests.fakes.delegated import FakeGrantStore
from tests.fakes.log import FakeLog
from tests.fakes.mail_server import MailServer
from tests.fakes.queues import FakeJobQueue
from tests.fakes.randomness import FakeRandomness
from tests.fakes.stores import FakeAccountStore, FakeFolderStore, FakeOAuth2AppStore
from tests.fakes.vault import FakeVault

KEY = "k" * 32
NEXT_KEY = "n" * 32


class MailServerTokens:
    """Refreshes grants with tokens that the mail server trusts; a refresh token is the user's name."""

    def __init__(self, mail_server: MailServer) -> None:
        self._mail_server = mail_server
        self.asked: list[str] = []
        self.expired: set[str] = set()
        self.refused: set[str] = set()

    def refresh(self, app: OAuth2App, refresh_token: str) -> Refreshed:
        """Return a token of the user; the next one of an `expired` user is of the past."""
        self.asked.append(refresh_token)
        if refresh_token in self.refused:
            raise GrantRefused("The grant was revoked.", reason="AADSTS50173", mend="Sign in again.")
        lifetime = -60 if refresh_token in self.expired else 3600
        self.expired.discard(refresh_token)
        token = self._mail_server.token(refresh_token, lifetime=lifetime)
        return Refreshed(token, None, SystemClock().now() + timedelta(hours=1), ())


class SidecarProcess:
    """The stores that it reads, what it makes of them, and where it listens."""

    def __init__(self, mail_server: MailServer, *, port: int | None, limit: int, idle_seconds: float) -> None:
        clock, self.log = SystemClock(), FakeLog()
        self.mail_server = mail_server
        self.accounts = FakeAccountStore(FakeFolderStore())
        self.apps = FakeOAuth2AppStore()
        self.apps.insert(an_outlook_app())
        self.grant_store = FakeGrantStore()
        self.tokens = MailServerTokens(mail_server)
        self._vault = FakeVault()
        apps = Lookup(self.apps.get, clock, timedelta(minutes=1))
        self.grants = Grants(
            store=self.grant_store,
            apps=apps,
            tokens=self.tokens,
            vault=self._vault,
            jobs=FakeJobQueue(clock),
            machine=Machine(clock, FakeRandomness(), self.log),
        )
        dovecot = mail_server.dovecot
        self.places = Places(limit)
        self.pool = Pool(
            accounts=self.accounts,
            apps=apps,
            grants=self.grants,
            servers=MailServers(
                tls.trusting(str(dovecot.authority)),
                imap=("localhost", port or dovecot.ports.imaps),
                smtp=("localhost", dovecot.ports.submission),
            ),
            places=self.places,
            idle_seconds=idle_seconds,
        )
        self.url = ""

    def account(self, user: str | None = None, principal: str | None = None, **changes: object) -> Account:
        """Keep an account of a fresh mailbox, or of *user*'s, that *principal* opens."""
        user = user or self.mail_server.mailbox()
        principal = principal or user
        grant = grant_id(APP, TENANT, principal)
        if self.grant_store.get(grant) is None:
            secret = self._vault.put(f"grant-{grant}", principal)
            self.grant_store.insert(
                Grant(
                    id=grant,
                    app=APP,
                    tenant=TENANT,
                    user=principal,
                    username=principal,
                    secret=secret,
                    revision="1",
                    kept=START,
                    created=START,
                    updated=START,
                )
            )
        account = an_account(user.partition("@")[0], user=user, principal=principal, grant=grant, **changes)
        return self.accounts.insert(account).value

    async def serve(self, ready: "Future[asyncio.Event]") -> None:
        """Listen until the event in *ready* is set."""
        app = web.Application()
        add_routes(app, MailService(self.pool), [KEY, NEXT_KEY], self.log)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        done = asyncio.Event()
        ready.set_result(done)
        await done.wait()
        await runner.cleanup()
        await self.pool.close()


@contextmanager
def proxied(mail_server: MailServer) -> Iterator[ImapFaults]:
    """Run the proxy of faults in front of the mail server, in a thread."""
    dovecot = mail_server.dovecot
    tls = dovecot.folder / "tls"
    faults = ImapFaults(tls / "server.pem", tls / "server.key", dovecot.ports.imap)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="faults")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(faults.start(), loop).result(60)
        yield faults
        asyncio.run_coroutine_threadsafe(faults.stop(), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


@contextmanager
def running(
    mail_server: MailServer,
    *,
    port: int | None = None,
    limit: int = 3,
    idle_seconds: float = 20.0,
) -> Iterator[SidecarProcess]:
    """Run a sidecar's API in a thread of its own; *port* is of a proxy in front of the mail server."""
    process = SidecarProcess(mail_server, port=port, limit=limit, idle_seconds=idle_seconds)
    ready: Future[asyncio.Event] = Future()
    loop = asyncio.new_event_loop()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(process.serve(ready))

    thread = threading.Thread(target=run, name="sidecar")
    thread.start()
    try:
        done = ready.result(timeout=60)
        yield process
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(timeout=60)
        loop.close()
