"""A session keeps a mailbox open through refusals, losses and crashes, and tells what a human should know."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from local.imap_faults import Fault, ImapFaults
from shared.domain.accounts import AccountState
from shared.domain.changes import ChangeBatch
from shared.domain.errors import Changed
from sidecar.logins import Logins
from tests.fakes.delegated import FakeMirrorStore
from tests.fakes.mail_server import MailServer, mail
from tests.sidecar.ground import INBOX, Ground, until


@pytest.fixture
def ground(mail_server: MailServer) -> Ground:
    """Return a mailbox."""
    return Ground(mail_server)


@asynccontextmanager
async def faulty(ground: Ground) -> AsyncIterator[ImapFaults]:
    """Put Exchange's habits between the sidecar and the mail server."""
    tls = ground.server.authority.parent
    faults = ImapFaults(tls / "server.pem", tls / "server.key", ground.server.ports.imap, backoff_milliseconds=400)
    await faults.start()
    ground.port = faults.port
    try:
        yield faults
    finally:
        await faults.stop()


def last_error(ground: Ground) -> str | None:
    """Return the code of what is wrong with the account."""
    error = ground.account().last_error
    return error.code if error else None


def test_an_open_mailbox_is_connected(ground: Ground) -> None:
    """The account is connecting until its mailbox is open, and connected then."""
    assert ground.account().state is AccountState.CONNECTING

    async def run() -> None:
        async with ground.session():
            assert ground.account().state is AccountState.CONNECTED

    asyncio.run(run())


def test_a_crash_hides_nothing(ground: Ground) -> None:
    """What was saved and not queued is queued by the next session, and what happened meanwhile comes behind it."""

    class Crashing(FakeMirrorStore):
        crashes = 0

        def put(self, *saved: Any, **more: Any) -> list[str]:
            etags = super().put(*saved, **more)
            if self.crashes:
                self.crashes -= 1
                raise Changed
            return etags

    store = ground.world.mirrors = Crashing()
    ground.server.deliver(ground.box, mail())

    async def run() -> None:
        async with ground.session() as session:
            store.crashes = 1
            await ground.do(ground.server.flag, ground.box, 1, "\\Seen")
            await until(lambda: session.ended)
            assert (session.lost, ground.changes()) == (True, [])
        await ground.do(ground.server.flag, ground.box, 1, "\\Seen", on=False)
        async with ground.session():
            await until(lambda: len(ground.changes()) == 2)
        first, later = ground.changes()
        assert (first.flags, later.former_flags, later.flags) == (("\\Seen",), ("\\Seen",), ())
        assert first.version != later.version

    asyncio.run(run())


def test_somebody_else_s_mailbox_is_let_go(ground: Ground) -> None:
    """A session whose mirrors somebody of a later epoch writes ends at the first change, and overwrites nothing."""

    async def run() -> None:
        async with ground.session() as paused, ground.session(epoch=2) as successor:
            for mirrors in (paused, successor):
                assert mirrors.connected
            await ground.do(ground.server.deliver, ground.box, mail())
            await until(lambda: paused.ended or successor.ended)
        assert {each.message for each in ground.changes()} == {ground.changes()[0].message}

    asyncio.run(run())


def test_behind_the_fence_nothing_is_written(ground: Ground) -> None:
    """A session of a replica that was silent for too long queues and saves nothing."""

    async def run() -> None:
        async with ground.session() as session:
            ground.fence.beaten(ground.fence.now() - 1000)
            writes = ground.world.mirrors.writes
            await ground.do(ground.server.deliver, ground.box, mail())
            await until(lambda: session.ended)
            assert (ground.changes(), ground.world.mirrors.writes) == ([], writes)

    asyncio.run(run())


@pytest.mark.parametrize("end", ["expire", "reset"])
def test_a_lost_connection_is_silent(ground: Ground, end: str) -> None:
    """A connection that breaks comes back by itself, without a word, a loss or a repetition; nor does an end repeat."""

    async def run() -> None:
        async with faulty(ground) as faults:
            async with ground.session():
                await ground.do(ground.server.deliver, ground.box, mail())
                await until(ground.changes)
                ending = getattr(faults, end)(ground.box)
                if ending is not None:
                    await ending
                await ground.do(ground.server.deliver, ground.box, mail())
                await until(lambda: faults.logins[ground.box] == 2)
                await until(lambda: len({each.message for each in ground.changes()}) == 2)
            async with ground.session():
                assert len(ground.changes()) == 2
        assert ground.account().state is AccountState.CONNECTED
        assert ground.account().last_error is None

    asyncio.run(run())


def test_a_refused_sign_in_is_asked_again_with_a_fresh_token(ground: Ground) -> None:
    """A token that is refused is renewed once; when that is refused too, a human is told, and look mends it."""

    async def run() -> None:
        async with faulty(ground) as faults:
            faults.strike(ground.box, Fault.REFUSE_SIGN_IN)
            asked = len(ground.tokens.asked)
            async with ground.session(opens=False) as session:
                await until(lambda: ground.account().state is AccountState.AUTHENTICATION_ERROR)
                assert len(ground.tokens.asked) == asked + 2
                error = ground.account().last_error
                assert error is not None
                assert (error.code, error.permanent) == ("SignInRefused", True)
                assert error.description
                faults.heal(ground.box)
                session.look(session.watch)
                await until(lambda: ground.account().state is AccountState.CONNECTED)

    asyncio.run(run())


def test_a_spoiled_token_is_no_error(ground: Ground) -> None:
    """A token that went bad before its time is replaced, and the mailbox opens."""
    ground.tokens.spoiled = True

    async def run() -> None:
        async with ground.session(opens=False) as session:
            await asyncio.sleep(0.2)
            ground.tokens.spoiled = False
            await until(lambda: session.connected)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.NOT_CONNECTED, "MailboxNotConnected"),
        (Fault.THROTTLE, "Throttled"),
        (Fault.TOO_MANY, "TooManyConnections"),
    ],
)
def test_what_passes_is_told_to_those_who_wait(ground: Ground, fault: Fault, code: str) -> None:
    """A new account that cannot be opened says why and what could help, and opens when that has passed."""

    async def run() -> None:
        async with faulty(ground) as faults:
            faults.strike(ground.box, fault)
            async with ground.session(opens=False) as session:
                await until(lambda: last_error(ground) == code)
                assert ground.account().state is AccountState.CONNECT_ERROR
                assert ground.account().last_error.description  # type: ignore[union-attr]  it has a code
                faults.heal(ground.box)
                session.look(session.watch)
                await until(lambda: ground.account().state is AccountState.CONNECTED)

    asyncio.run(run())


def test_a_grant_has_so_many_places(mail_server: MailServer, ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailbox for which no connection is left says so, and opens when one is free."""
    monkeypatch.setattr("sidecar.session._PATIENCE", 0.2)
    ground.logins = Logins(1, a_second=100)
    shared = mail_server.mailbox(ground.box)
    ground.register("help", auth={"delegatedUser": shared, "delegatedAccount": "own"})

    async def run() -> None:
        async with ground.session(), ground.session("help", opens=False):
            await until(lambda: ground.account("help").last_error)
            error = ground.account("help").last_error
            assert error is not None
            assert error.code == "NoPlace"
        async with ground.session("help"):
            assert ground.account("help").state is AccountState.CONNECTED

    asyncio.run(run())


def test_a_changed_wish_opens_the_mailbox_anew(ground: Ground) -> None:
    """When the account names other folders, a look has it watch these, and one without a change goes on."""
    ground.server.create_folder(ground.box, "Archive")

    async def run() -> None:
        async with ground.session() as session:
            ground.world.rewrite(ground.account(), options={"path": ["Archive"]})
            session.look(session.watch)
            await until(lambda: "Archive" in str(ground.world.mirrors.all(ground.account().key)[-1].mailbox))
            await ground.do(ground.server.append, ground.box, mail(), "Archive")
            await until(ground.told)
        assert all(folder != INBOX for _, folder, _ in ground.told())

    asyncio.run(run())


def test_a_watch_of_the_past_ends(ground: Ground) -> None:
    """A session whose account was removed ends by itself, also when it is asked to look."""

    async def run() -> None:
        async with ground.session() as session:
            ground.world.process().accounts.remove("own")
            session.look(session.watch)
            await until(lambda: session.ended)
            assert not session.lost

    asyncio.run(run())


def test_a_full_queue_is_waited_for(ground: Ground) -> None:
    """What cannot be queued is not noted as told: it comes when storage answers again."""
    put = ground.world.changes.put
    refusals = [Changed(), Changed()]

    def refuse(batch: ChangeBatch) -> None:
        if batch.changes and refusals:
            raise refusals.pop()
        put(batch)

    async def run() -> None:
        async with ground.session() as session:
            ground.world.changes.put = refuse  # type: ignore[method-assign,assignment]  storage that fails
            await ground.do(ground.server.deliver, ground.box, mail())
            await until(lambda: session.ended)
        async with ground.session(opens=False) as session:
            await until(lambda: session.ended)
        async with ground.session():
            await until(lambda: len(ground.changes()) == 1)

    asyncio.run(run())
