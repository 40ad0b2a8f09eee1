"""A session: one account's mailbox, kept open through whatever happens to it."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

from shared.domain.accounts import Account, AccountState
from shared.domain.clouds import ENDPOINTS
from shared.domain.errors import Changed, RelayError, TryLater
from shared.domain.failures import explained
from shared.domain.oauth2 import OAuth2App
from shared.domain.watches import Watch
from shared.ports.machine import Machine
from shared.ports.queues import ChangeQueue
from shared.ports.records import Stored
from shared.ports.sidecar import MirrorStore
from shared.services.grants import AccessToken, Grants
from shared.services.lookups import Lookup
from shared.services.watching import Watching
from sidecar.book import Book
from sidecar.ear import Line
from sidecar.fence import Fence, Fenced
from sidecar.imap.connection import Connection
from sidecar.imap.errors import Code, Refusal
from sidecar.logins import Logins
from sidecar.mailbox import Mailbox, Surroundings
from sidecar.timetable import Pace
from sidecar.troubles import Told, Troubles

# How long an account waits for a place among its grant's connections before it says so.
_PATIENCE = 30.0
_BROKEN = 60.0
_NO_PLACE = "All connections that the sidecar keeps with this user's sign-in are taken."
_NO_PLACE_MEND = (
    "Raise SIDECAR_SESSIONS as far as Exchange allows, name fewer subconnections, or sign in to some of the shared "
    "mailboxes as another user."
)


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What all sessions of a process share; *server* takes the place of each cloud's own."""

    watching: Watching
    grants: Grants
    apps: Lookup[Stored[OAuth2App] | None]
    mirrors: MirrorStore
    changes: ChangeQueue
    machine: Machine
    fence: Fence
    logins: Logins
    context: Callable[[], ssl.SSLContext]
    pace: Pace = field(default_factory=Pace)
    server: tuple[str, int] | None = None


class Session:
    """Keeps the mailbox of *watch* open under *epoch*, until it is stopped, or `lost` to somebody else."""

    def __init__(self, tools: Tools, watch: Watch, epoch: int) -> None:
        self.watch = watch
        self.lost = False
        self.connected = False
        self._tools = tools
        self._epoch = epoch
        self._looked = asyncio.Event()
        self._leaving = False
        self._mailbox: Mailbox | None = None
        self._troubles: Troubles | None = None
        self._task = asyncio.create_task(self._live())

    @property
    def ended(self) -> bool:
        """Tells whether it has ended."""
        return self._task.done()

    def look(self, watch: Watch) -> None:
        """Has the mailbox looked at anew, and told how it does."""
        self.watch = watch
        self._looked.set()

    async def stop(self, seconds: float) -> None:
        """Ends it: what is under way is told and saved, for *seconds* at most."""
        self._leaving = True
        self._looked.set()
        if self._mailbox:
            self._mailbox.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._task)
        await self.drop()

    async def drop(self) -> None:
        """Ends it at once."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _live(self) -> None:
        while not self._leaving:
            account = None
            try:
                self._looked.clear()
                account = await asyncio.to_thread(self._tools.watching.account, self.watch)
                if account is None:
                    return
                self._troubles = self._troubles or Troubles(asked=account.state is not AccountState.CONNECTED)
                await self._open(account)
            except (Fenced, Changed) as lost:
                self.lost = True
                self._tools.machine.log.event("session.lost", **self._whose(account), why=type(lost).__name__)
                return
            except (RelayError, Refusal) as problem:
                await self._recover(account, problem)
            except Exception as problem:  # noqa: BLE001  one mailbox must not end the others
                self._tools.machine.log.problem("session.broken", **self._whose(account), **explained(problem))
                await self._pause(_BROKEN)

    async def _open(self, account: Account) -> None:
        tools, grant = self._tools, account.grant or ""
        began = None
        async with AsyncExitStack() as places:
            try:
                await places.enter_async_context(tools.logins.place(grant, patience=_PATIENCE))
            except TimeoutError:
                raise TryLater(_NO_PLACE, reason="NoPlace", mend=_NO_PLACE_MEND) from None

            async def extra() -> Line | None:
                if not tools.logins.has_room(grant):
                    return None
                await places.enter_async_context(tools.logins.place(grant))
                return await self._extra(account)

            around = Surroundings(lambda: self._connect(account), extra, tools.machine, tools.pace)
            book = Book(tools.mirrors, tools.changes, tools.fence, account, self._epoch, tools.machine.log)
            mailbox = Mailbox(account, book, around)
            attending = None
            try:
                await mailbox.open()
                tools.fence.check()
                await asyncio.to_thread(tools.watching.opened, account)
                began = tools.fence.now()
                self.connected, self._mailbox = True, mailbox
                if self._leaving:
                    mailbox.leave()
                attending = asyncio.create_task(self._attend(account, mailbox))
                await mailbox.run()
                await mailbox.close()
                tools.machine.log.event(
                    "session.ended", **self._whose(account), milliseconds=int((tools.fence.now() - began) * 1000)
                )
            except Refusal:
                # The server broke off, and not we.
                await mailbox.drop()
                await book.settle()
                raise
            except BaseException:
                await mailbox.drop()
                raise
            finally:
                self.connected, self._mailbox = False, None
                if attending:
                    attending.cancel()
                    await asyncio.gather(attending, return_exceptions=True)
                if began is not None and self._troubles:
                    self._troubles.lived(tools.fence.now() - began)

    async def _attend(self, account: Account, mailbox: Mailbox) -> None:
        """Answers those who want the mailbox looked at: it is open, or it must be opened in another way."""
        watching = self._tools.watching
        while True:
            await self._looked.wait()
            self._looked.clear()
            # Whoever asked asks again, where storage does not answer now.
            with suppress(TryLater, Changed):
                now = await asyncio.to_thread(watching.account, self.watch)
                if now is None or _wishes(now) != _wishes(account):
                    mailbox.leave()
                    return
                mailbox.stir()
                await asyncio.to_thread(watching.opened, now)

    async def _connect(self, account: Account) -> Line:
        tools, grant = self._tools, account.grant or ""
        token = await asyncio.to_thread(tools.grants.token, grant)
        try:
            return await self._sign_in(account, token)
        except Refusal as refused:
            if refused.code is not Code.SIGN_IN_REFUSED:
                raise
        # It may have been revoked since we got it; a fresh one tells whether it is the token or the user.
        tools.grants.forget(grant, token)
        return await self._sign_in(account, await asyncio.to_thread(tools.grants.token, grant))

    async def _sign_in(self, account: Account, token: AccessToken) -> Line:
        host, port = await asyncio.to_thread(self._server, account)
        await self._tools.logins.turn()
        connection = await Connection.open(host, port, self._tools.context())
        try:
            await connection.sign_in(account.user, token.value)
        except BaseException:
            connection.abort()
            raise
        return Line(connection, token.expires)

    async def _extra(self, account: Account) -> Line | None:
        try:
            return await self._connect(account)
        except Refusal as refused:
            # The folder is looked at now and then instead.
            log = self._tools.machine.log
            log.problem("session.no_extra", **self._whose(account), code=refused.code, error=refused.said)
            return None

    def _server(self, account: Account) -> tuple[str, int]:
        if self._tools.server:
            return self._tools.server
        app = self._tools.apps.get(account.app)
        if app is None:
            raise TryLater(f"The OAuth2 application {account.app!r} was deleted.")
        cloud = ENDPOINTS[app.value.cloud]
        return cloud.imap_host, cloud.imap_port

    async def _recover(self, account: Account | None, problem: RelayError | Refusal) -> None:
        """Tells the problem where it is time to, and waits for the next attempt."""
        log = self._tools.machine.log
        if account is None or self._troubles is None:
            log.problem("session.postponed", **self._whose(account), error=str(problem))
            await self._pause(_BROKEN)
            return
        verdict = self._troubles.met(problem)
        told = verdict.told
        log.event(
            "session.interrupted",
            **self._whose(account),
            error=str(problem),
            told=told is not None,
            wait=verdict.wait,
        )
        if told is not None and self._tools.fence.open:
            with suppress(TryLater, Changed):
                await asyncio.to_thread(self._tell, account, told)
        await asyncio.sleep(verdict.firm)
        await self._pause(verdict.wait - verdict.firm)

    def _whose(self, account: Account | None) -> dict[str, str]:
        """Returns the log's name of the account: its id, or its key where nobody could read its row."""
        if account is None:
            return {"account_key": self.watch.account, "correlation": self.watch.incarnation}
        return {"account": account.id, "correlation": account.incarnation}

    def _tell(self, account: Account, told: Told) -> None:
        watching = self._tools.watching
        if isinstance(told, TryLater):
            watching.failed(account, told)
        else:
            watching.refused(account, told)

    async def _pause(self, seconds: float) -> None:
        """Waits, or until somebody asks."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._looked.wait()
                if self._troubles:
                    self._troubles.asked = True


def _wishes(account: Account) -> tuple[object, ...]:
    return account.access, account.options.get("path"), account.options.get("subconnections")
