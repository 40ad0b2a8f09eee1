"""
Connections for requests: short-lived, beside those that watch, and few, because Exchange allows few.

Any replica serves any account: it reads the account's row, opens the mailbox with its grant's token, and keeps the
connection for some seconds, since requests about one mailbox come together. Then it logs out, which frees its place.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.domain.accounts import Account, AccountState
from shared.domain.errors import InvalidRequest, NotFound, TryLater
from shared.domain.mailboxes import Registration
from shared.domain.oauth2 import OAuth2App
from shared.ports.records import Stored
from shared.ports.state import AccountStore
from shared.services.grants import AccessToken, Grants
from shared.services.lookups import Lookup, application_of
from sidecar.imap.connection import Connection
from sidecar.imap.errors import Code, Refusal
from sidecar.open_mailbox import OpenMailbox
from sidecar.places import Places
from sidecar.servers import MailServers

_IDLE_SECONDS = 20.0
_WAIT_SECONDS = 15.0
# A connection that was kept and does not answer by then went silent meanwhile.
_PROOF_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who is served: the account as its row is now, its grant, and the application that it signs in through."""

    account: Account
    grant: str
    app: OAuth2App


@dataclass(eq=False, slots=True)
class _Kept:
    tenant: Tenant
    mailbox: OpenMailbox
    timer: asyncio.TimerHandle | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return _key(self.tenant)


class Pool:
    """Opens mailboxes for as long as a request takes; at most as many of a grant at once as *places* has."""

    def __init__(
        self,
        *,
        accounts: AccountStore,
        apps: Lookup[Stored[OAuth2App] | None],
        grants: Grants,
        servers: MailServers,
        places: Places,
        idle_seconds: float = _IDLE_SECONDS,
    ) -> None:
        self._accounts = accounts
        self._apps = apps
        self._grants = grants
        self._places = places
        self._idle_seconds = idle_seconds
        self._kept: list[_Kept] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self.servers = servers

    async def tenant(self, registration: Registration) -> Tenant:
        """Returns who *registration* is; raises NotFound for one of the past."""
        stored = await asyncio.to_thread(self._accounts.get, registration.account)
        account = stored.value if stored else None
        if account is None or account.state is AccountState.DELETED or account.incarnation != registration.incarnation:
            raise NotFound("No account is registered so: it was removed, or registered again.")
        if account.grant is None:
            raise InvalidRequest(message="No user signed in for this account: its mailbox is opened through Graph.")
        app = await asyncio.to_thread(application_of, account, self._apps)
        return Tenant(account, account.grant, app)

    async def token(self, tenant: Tenant, refused: AccessToken | None = None) -> AccessToken:
        """Returns an access token of the grant, another one than what was *refused*."""
        if refused is not None:
            self._grants.forget(tenant.grant, refused)
        return await asyncio.to_thread(self._grants.token, tenant.grant)

    @asynccontextmanager
    async def open(self, tenant: Tenant) -> AsyncIterator[OpenMailbox]:
        """Lends the mailbox; raises a Refusal, TryLater, or what the grant's token raises."""
        mailbox = await self._lend(tenant)
        try:
            yield mailbox
        except asyncio.CancelledError:
            mailbox.connection.abort()
            raise
        finally:
            self._keep(_Kept(tenant, mailbox))

    async def close(self) -> None:
        """Logs out of every mailbox that is kept."""
        for kept in list(self._kept):
            self._dismiss(kept)
        await asyncio.gather(*self._leaving)

    async def _lend(self, tenant: Tenant) -> OpenMailbox:
        """Returns a kept connection that still answers, or a new one, as soon as the grant has a place for it."""
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                while True:
                    if mailbox := await self._kept_one(tenant):
                        return mailbox
                    if self._places.take(tenant.grant):
                        break
                    self._make_room(tenant.grant)
                    await self._places.wait()
        except TimeoutError:
            raise TryLater("This user has as many connections as may be; one will be free soon.") from None
        return await self._fresh(tenant)

    async def _kept_one(self, tenant: Tenant) -> OpenMailbox | None:
        while kept := next((each for each in reversed(self._kept) if each.key == _key(tenant)), None):
            self._remove(kept)
            try:
                await kept.mailbox.connection.run(b"NOOP", seconds=_PROOF_SECONDS)
            except Refusal:
                kept.mailbox.connection.abort()
                self._places.give_back(tenant.grant)
            except asyncio.CancelledError:
                self._places.give_back(tenant.grant)
                raise
            else:
                return kept.mailbox
        return None

    def _make_room(self, grant: str) -> None:
        """Leaves a mailbox of the grant that nobody asks for just now."""
        rests = next((each for each in self._kept if each.tenant.grant == grant), None)
        if rests is not None:
            self._dismiss(rests)

    async def _fresh(self, tenant: Tenant) -> OpenMailbox:
        try:
            return OpenMailbox(await self._connect(tenant))
        except BaseException:
            self._places.give_back(tenant.grant)
            raise

    async def _connect(self, tenant: Tenant) -> Connection:
        token = await self.token(tenant)
        try:
            return await self._sign_in(tenant, token)
        except Refusal as refused:
            if refused.code is not Code.SIGN_IN_REFUSED:
                raise
        # The server may know better than we do that the token is worth nothing any more.
        return await self._sign_in(tenant, await self.token(tenant, refused=token))

    async def _sign_in(self, tenant: Tenant, token: AccessToken) -> Connection:
        host, port = self.servers.imap_of(tenant.app.cloud)
        connection = await Connection.open(host, port, self.servers.context)
        try:
            await connection.sign_in(tenant.account.user, token.value)
        except BaseException:
            connection.abort()
            raise
        return connection

    def _keep(self, kept: _Kept) -> None:
        if kept.mailbox.connection.ended:
            self._places.give_back(kept.tenant.grant)
            return
        loop = asyncio.get_running_loop()
        kept.timer = loop.call_later(self._idle_seconds, self._dismiss, kept)
        self._kept.append(kept)
        self._places.stir()

    def _remove(self, kept: _Kept) -> None:
        self._kept.remove(kept)
        if kept.timer:
            kept.timer.cancel()

    def _dismiss(self, kept: _Kept) -> None:
        self._remove(kept)
        task = asyncio.create_task(self._leave(kept))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _leave(self, kept: _Kept) -> None:
        await kept.mailbox.connection.logout()
        self._places.give_back(kept.tenant.grant)


def _key(tenant: Tenant) -> tuple[str, str, str]:
    return (tenant.account.key, tenant.grant, tenant.account.user)
