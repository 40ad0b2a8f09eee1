"""A mailbox on a real mail server, watched by real sessions, with everything else in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.domain.accounts import Account
from shared.domain.changes import AccountEvent, Change
from shared.domain.grants import grant_id, shard_of
from shared.domain.imap_ids import folder_id, place_of
from shared.domain.oauth2 import OAuth2App
from shared.domain.registrations import NewAccount
from shared.ports.sign_ins import Refreshed
from shared.services.lookups import Lookup
from sidecar.fence import Fence
from sidecar.imap import tls
from sidecar.logins import Logins
from sidecar.session import Session, Tools
from sidecar.timetable import Pace
from tests.factories import APP, an_outlook_app
from tests.fakes.delegated import FakeGrantTokens
from tests.fakes.mail_server import MailServer
from tests.fakes.sign_ins import SIGNED_IN
from tests.shared.services.world import World

PACE = Pace(poll=0.4, scan=0.4, full=3600)


class MailTokens(FakeGrantTokens):
    """Refreshes grants with tokens that the mail server trusts; `spoiled` has it bring one that nobody trusts."""

    def __init__(self, world: World, mail_server: MailServer, user: str) -> None:
        super().__init__(world.clock)
        self._mail_server = mail_server
        self._user = user
        self.spoiled = False

    def refresh(self, app: OAuth2App, refresh_token: str) -> Refreshed:
        """Return a fresh token."""
        token = self._mail_server.token(self._user)
        return replace(super().refresh(app, refresh_token), access_token="spoiled" if self.spoiled else token)


class Ground:
    """The owner's mailbox `box` is registered as the account `own`."""

    def __init__(self, mail_server: MailServer, **options: Any) -> None:
        self.server = mail_server.dovecot
        self.mail_server = mail_server
        self.box = mail_server.mailbox()
        self.world = World()
        self.world.furnish()
        self.world.apps.delete(APP)
        self.world.apps.insert(an_outlook_app())
        self.world.code_flow.user = replace(SIGNED_IN, user=self.box, username=self.box)
        self.tokens = self.world.grant_tokens = MailTokens(self.world, mail_server, self.box)
        self.fence = Fence(1000)
        self.fence.beaten(self.fence.now())
        self.logins = Logins(10, a_second=1000)
        self.port = self.server.ports.imaps
        self.pace = PACE
        self.grant = grant_id(APP, SIGNED_IN.tenant, self.box)
        self.register("own", refreshToken="brought", **options)

    def register(self, account: str, *, refreshToken: str | None = None, auth: Any = None, **options: Any) -> None:  # noqa: N803  the API's name
        """Register an account, and have its watch left."""
        oauth2 = {"provider": APP, **({"refreshToken": refreshToken} if refreshToken else {"auth": auth})}
        self.world.process().register(NewAccount.model_validate({"account": account, "oauth2": oauth2, **options}))
        self.work()

    def work(self) -> None:
        """Carry out the jobs that are due now."""
        self.world.process().work(until=timedelta(seconds=1))

    def account(self, name: str = "own") -> Account:
        """Return an account as it is now."""
        return self.world.account(name)

    def tools(self) -> Tools:
        """Return what a process of the sidecar has."""
        process = self.world.process()
        context = tls.trusting(str(self.server.authority))
        return Tools(
            watching=process.watching,
            grants=process.watching.grants,
            apps=Lookup(self.world.apps.get, self.world.clock, timedelta(minutes=1)),
            mirrors=self.world.mirrors,
            changes=self.world.changes,
            machine=self.world.machine,
            fence=self.fence,
            logins=self.logins,
            context=lambda: context,
            pace=self.pace,
            server=("localhost", self.port),
        )

    @asynccontextmanager
    async def session(self, name: str = "own", *, epoch: int = 1, opens: bool = True) -> AsyncIterator[Session]:
        """Keep an account's mailbox open."""
        watch = {each.account: each for each in self.world.watches.of(shard_of(self.grant))}[self.account(name).key]
        session = Session(self.tools(), watch, epoch)
        try:
            if opens:
                await until(lambda: session.connected)
            yield session
        finally:
            await session.stop(5)

    def changes(self) -> list[Change]:
        """Return every change that was queued."""
        return [change for batch in self.world.changes.bodies() for change in batch.changes]

    def told(self) -> list[tuple[str, str, int]]:
        """Return kind, folder id and UID of every change that was queued."""
        places = [(change.kind, place_of(change.message)) for change in self.changes()]
        return [(kind, place.folder, place.uid) for kind, place in places if place]

    def events(self) -> list[AccountEvent]:
        """Return the events of folders that were queued."""
        return [event for event in self.world.said() if event.event.startswith("mailbox")]

    async def do(self, what: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Do something at the mail server."""
        return await asyncio.to_thread(what, *arguments, **named)


async def until(true: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until something is true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not true():
        assert asyncio.get_running_loop().time() < deadline, "It did not come true."
        await asyncio.sleep(0.02)


INBOX = folder_id("INBOX")
ARCHIVE = folder_id("Archive")
