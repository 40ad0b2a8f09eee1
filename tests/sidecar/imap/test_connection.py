"""One connection: sign-in, commands, IDLE, and every way in which it ends."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from local.imap_faults import Fault, ImapFaults
from local.imap_faults import running as faulty
from sidecar.imap import tls
from sidecar.imap.connection import Connection
from sidecar.imap.errors import Code, Refusal
from sidecar.imap.folders import open_folder
from sidecar.imap.wire import Response
from tests.fakes.imap_script import scripted
from tests.fakes.mail_server import MailServer, mail
from tests.sidecar.conftest import Connect

LOGGED_IN = {b"AUTHENTICATE": b"%s OK [CAPABILITY IMAP4rev1 IDLE UIDPLUS] in\r\n"}
IDLING = {b"IDLE": b"+ idling\r\n", b"DONE": b"%s OK idle over\r\n"}


def test_capabilities_are_read_again_after_the_sign_in(mail_server: MailServer, connect: Connect) -> None:
    """What the server can do is what it says after the sign-in; it is Exchange's list, without CONDSTORE."""

    async def run() -> frozenset[str]:
        async with connect(mail_server.mailbox()) as connection:
            return connection.capabilities

    assert {"MOVE", "UIDPLUS", "IDLE"} <= asyncio.run(run())
    assert not {"CONDSTORE", "ESEARCH", "SPECIAL-USE"} & asyncio.run(run())


def test_refused_token_is_told_with_its_challenge(mail_server: MailServer) -> None:
    """A token that the server refuses is a refused sign-in, with what the server said of it, and never with itself."""
    box = mail_server.mailbox()
    token = mail_server.token(box, lifetime=-60)

    async def run() -> None:
        context = tls.trusting(str(mail_server.dovecot.authority))
        connection = await Connection.open("localhost", mail_server.dovecot.ports.imaps, context)
        await connection.sign_in(box, token)

    with pytest.raises(Refusal) as refused:
        asyncio.run(run())
    assert refused.value.code is Code.SIGN_IN_REFUSED
    assert refused.value.challenge == '{"status":"401","schemes":"bearer","scope":"mail"}'
    assert token not in str(refused.value)


def test_sign_in_without_initial_response() -> None:
    """A server without SASL-IR gets the token when it asks for it."""

    async def run() -> list[bytes]:
        answers = {
            b"AUTHENTICATE": b"+ \r\n",
            b"dXNlcj": b"R1 OK in\r\n",
            b"CAPABILITY": b"* CAPABILITY X\r\n%s OK\r\n",
        }
        async with scripted(answers, greeting=b"* OK [CAPABILITY IMAP4rev1] hi\r\n") as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            await connection.sign_in("anna@contoso.com", "token")
            connection.abort()
            return script.heard

    heard = asyncio.run(run())
    assert heard[0] == b"R1 AUTHENTICATE XOAUTH2"
    assert heard[1].startswith(b"dXNlcj")


def test_connection_lost_at_once(mail_server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that hangs up as soon as TLS is agreed on is one that cannot be reached."""
    opened = asyncio.open_connection

    async def lost(*arguments: object, **named: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await opened(*arguments, **named)
        writer.transport.abort()
        await asyncio.sleep(0.01)
        return reader, writer

    monkeypatch.setattr(asyncio, "open_connection", lost)
    context = tls.trusting(str(mail_server.dovecot.authority))
    with pytest.raises(Refusal) as refused:
        asyncio.run(Connection.open("localhost", mail_server.dovecot.ports.imaps, context))
    assert refused.value.code is Code.UNREACHABLE


def test_idle_tells_what_happens(mail_server: MailServer, connect: Connect) -> None:
    """A message that comes while nobody asks reaches the feed; the connection works on afterwards."""
    box = mail_server.mailbox()

    async def run() -> list[bytes]:
        heard: list[bytes] = []
        async with connect(box) as connection:
            await open_folder(connection, "INBOX")
            woken = asyncio.Event()

            def feed(response: Response) -> None:
                heard.append(response.text)
                woken.set()

            connection.feed = feed
            idling = asyncio.create_task(connection.idle(woken, 60))
            await asyncio.to_thread(mail_server.dovecot.deliver, box, mail())
            await asyncio.wait_for(idling, 60)
            await connection.run(b"NOOP")
        return heard

    assert b"1 EXISTS" in asyncio.run(run())


def test_idle_ends_in_time() -> None:
    """IDLE is over when its time is over, at once where it was interrupted before; EXISTS may come before its `+`."""

    async def run() -> list[bytes]:
        async with scripted({**LOGGED_IN, **IDLING, b"IDLE": b"* 3 EXISTS\r\n+ idling\r\n"}) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            interrupted = asyncio.Event()
            await connection.idle(interrupted, 0.05)
            interrupted.set()
            await connection.idle(interrupted, 60)
            await connection.logout()
            return script.heard

    assert [line.partition(b" ")[2] or line for line in asyncio.run(run())] == [b"IDLE", b"DONE", b"LOGOUT"]


def test_silence_after_done_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer DONE is gone, however open the connection looks."""
    monkeypatch.setattr("sidecar.imap.connection._DONE_SECONDS", 0.1)

    async def run() -> Refusal:
        async with scripted({b"IDLE": b"+ idling\r\n", b"DONE": b""}) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            with pytest.raises(Refusal) as refused:
                await connection.idle(asyncio.Event(), 0.05)
            with pytest.raises(Refusal):
                await connection.run(b"NOOP")
            return refused.value

    assert asyncio.run(run()).code is Code.TIMED_OUT


def test_cancelled_command_takes_the_connection_with_it() -> None:
    """After a command that was cancelled nothing can be asked, since its answers would be taken for the next one's."""

    async def run() -> None:
        async with scripted({b"SLOW": b""}) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(connection.run(b"SLOW"), 0.05)
            with pytest.raises(Refusal):
                await connection.run(b"NOOP")

    asyncio.run(run())


def test_commands_wait_for_each_other() -> None:
    """Commands of two tasks go one after the other, each with its own answers."""

    async def run() -> list[list[bytes]]:
        answers = {b"ONE": b"* A one\r\n%s OK\r\n", b"TWO": b"* B two\r\n%s OK\r\n"}
        async with scripted(answers) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            both = await asyncio.gather(connection.run(b"ONE"), connection.run(b"TWO"))
            await connection.logout()
            return [[response.text for response in answer.untagged] for answer in both]

    assert asyncio.run(run()) == [[b"A one"], [b"B two"]]


def test_answers_are_not_kept() -> None:
    """What a command brought is nobody's but the asker's, however long the connection stays open."""

    async def run() -> list[Response]:
        async with scripted({b"NOOP": b"* 4177 EXISTS\r\n%s OK\r\n"}) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            assert len((await connection.run(b"NOOP")).untagged) == 1
            gc.collect()
            found = [each for each in gc.get_objects() if isinstance(each, Response) and each.text == b"4177 EXISTS"]
            connection.abort()
            return found

    assert asyncio.run(run()) == []


@pytest.mark.parametrize(
    ("last_words", "code"),
    [
        (b"* BYE Connection is closed. 13\r\n", Code.CLOSED),
        (b"* BYE Session invalidated - AccessTokenExpired\r\n", Code.SESSION_EXPIRED),
        (b"", Code.CLOSED),
    ],
)
def test_end_is_noticed_at_once(last_words: bytes, code: Code) -> None:
    """A BYE, or a close without a word, ends IDLE at once and says why."""

    async def run() -> tuple[Refusal, Refusal | None]:
        async with scripted(IDLING) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            idling = asyncio.create_task(connection.idle(asyncio.Event(), 60))
            await asyncio.sleep(0.05)
            script.say(last_words)
            if not last_words:
                script.writers[-1].close()
            with pytest.raises(Refusal) as refused:
                await asyncio.wait_for(idling, 30)
            return refused.value, connection.ended

    refused, ended = asyncio.run(run())
    assert refused.code is code
    assert ended is refused


def test_nobody_there() -> None:
    """An address where nobody listens is unreachable."""
    with pytest.raises(Refusal) as refused:
        asyncio.run(Connection.open("127.0.0.1", 1, None))
    assert refused.value.code is Code.UNREACHABLE


def test_unknown_certificate_is_unreachable(mail_server: MailServer) -> None:
    """A server whose certificate nobody vouches for is not spoken to."""
    with pytest.raises(Refusal) as refused:
        asyncio.run(Connection.open("localhost", mail_server.dovecot.ports.imaps, tls.context()))
    assert refused.value.code is Code.UNREACHABLE
    assert "certificate" in refused.value.said.lower()


def through_faults(
    mail_server: MailServer, box: str, act: Callable[[ImapFaults, Connection], Awaitable[None]]
) -> tuple[Refusal, ImapFaults]:
    """Sign in to *box* through the proxy, *act*, and return what was refused."""
    certificates = Path(mail_server.dovecot.folder, "tls")

    async def run() -> tuple[Refusal, ImapFaults]:
        behind = mail_server.dovecot.ports.imap
        async with faulty(certificates / "server.pem", certificates / "server.key", behind) as faults:
            connection = await Connection.open("localhost", faults.port, tls.trusting(str(certificates / "ca.pem")))
            with pytest.raises(Refusal) as refused:
                await act(faults, connection)
            connection.abort()
            return refused.value, faults

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.REFUSE_SIGN_IN, Code.SIGN_IN_REFUSED),
        (Fault.NOT_CONNECTED, Code.NOT_CONNECTED),
        (Fault.THROTTLE, Code.THROTTLED),
        (Fault.TOO_MANY, Code.TOO_MANY_CONNECTIONS),
    ],
)
def test_what_exchange_refuses(mail_server: MailServer, fault: Fault, code: Code) -> None:
    """Exchange's plain NO, its `not connected`, its throttling and its limit are told apart."""
    box = mail_server.mailbox()

    async def act(faults: ImapFaults, connection: Connection) -> None:
        faults.strike(box, fault)
        await connection.sign_in(box, mail_server.token(box))
        await open_folder(connection, "INBOX")

    refused, faults = through_faults(mail_server, box, act)
    assert refused.code is code
    assert refused.retry_after == (timedelta(milliseconds=89117) if fault is Fault.THROTTLE else None)
    assert faults.logins[box] == (1 if fault in {Fault.NOT_CONNECTED, Fault.THROTTLE} else 0)


@pytest.mark.parametrize(
    ("happens", "code"),
    [("expire", Code.SESSION_EXPIRED), ("reset", Code.CLOSED), ("swallow", Code.TIMED_OUT)],
)
def test_how_live_sessions_end(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch, happens: str, code: Code
) -> None:
    """A token that expires, a reset and a black hole end IDLE, each for its own reason."""
    if happens == "swallow":
        monkeypatch.setattr("sidecar.imap.connection._DONE_SECONDS", 0.3)
    box = mail_server.mailbox()

    async def act(faults: ImapFaults, connection: Connection) -> None:
        await connection.sign_in(box, mail_server.token(box))
        await open_folder(connection, "INBOX")
        assert (faults.open[box], faults.logins[box]) == (1, 1)
        idling = asyncio.create_task(connection.idle(asyncio.Event(), 0.5 if happens == "swallow" else 3600))
        await asyncio.sleep(0.1)
        done = getattr(faults, happens)(box)
        if done is not None:
            await done
        await asyncio.wait_for(idling, 60)

    assert through_faults(mail_server, box, act)[0].code is code
