"""
A proxy in front of an IMAP server that does what Exchange Online does and no server for tests does.

Clients speak TLS to it; it speaks to the plain port behind. It reads along until a user has signed in, so that each
fault strikes one user; the wording is Exchange's, as clients' logs show it.
"""

import asyncio
import base64
import binascii
import re
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

_AUTHENTICATE = re.compile(rb"^(\S+) AUTHENTICATE XOAUTH2(?: (\S+))?\s*$", re.IGNORECASE)
_HARMLESS = frozenset({b"CAPABILITY", b"LOGOUT", b"ID", b"NOOP"})
_LINGER_NOT = struct.pack("ii", 1, 0)
_CHUNK = 65536


class Fault(Enum):
    """What happens to a user's next commands, until it is taken back."""

    REFUSE_SIGN_IN = auto()
    NOT_CONNECTED = auto()
    THROTTLE = auto()
    TOO_MANY = auto()


@dataclass(eq=False)
class _Session:
    """One client's connection and the one behind it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    behind: asyncio.StreamWriter
    user: str = ""
    signing_in: bytes | None = None
    awaits_token: bool = False
    deaf: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)


class ImapFaults:
    """
    The proxy; `logins` counts sign-ins that worked, `open` the live sessions, both by user.

    All but `start`, `stop` and `expire` may be called in any thread.
    """

    host = "localhost"

    def __init__(self, certificate: Path, key: Path, behind_port: int, *, backoff_milliseconds: int = 89117) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate, key)
        self._behind_port = behind_port
        self._backoff = backoff_milliseconds
        self._faults: dict[str, Fault] = {}
        self._sessions: set[_Session] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.logins: Counter[str] = Counter()

    async def start(self, port: int = 0) -> None:
        """Listens; port 0 takes a free one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=self._context, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends every session and stops to listen."""
        if self._server:
            self._server.close()
        for session in list(self._sessions):
            self._reset(session)

    def strike(self, user: str, fault: Fault) -> None:
        """Has *fault* happen to *user* from now on."""
        self._faults[user.lower()] = fault

    def heal(self, user: str) -> None:
        """Ends the fault of *user*."""
        self._faults.pop(user.lower(), None)

    @property
    def open(self) -> Counter[str]:
        """How many sessions each user has."""
        return Counter(session.user for session in list(self._sessions) if session.user)

    async def expire(self, user: str) -> None:
        """Ends the sessions of *user* as Exchange does when their token expires."""
        for session in self._of(user):
            await self._farewell(session, b"* BYE Session invalidated - AccessTokenExpired\r\n")

    def reset(self, user: str) -> None:
        """Breaks the connections of *user* with a TCP reset, as soon as the proxy comes to it."""
        for session in self._of(user):
            # A transport that another thread aborts is gone only when something else wakes the loop.
            session.loop.call_soon_threadsafe(self._reset, session)

    def swallow(self, user: str) -> None:
        """Leaves the connections of *user* open and passes nothing on any more, as a lost route does."""
        for session in self._of(user):
            session.deaf.set()

    def _of(self, user: str) -> list[_Session]:
        return [session for session in list(self._sessions) if session.user == user.lower()]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, behind = await asyncio.open_connection("127.0.0.1", self._behind_port, limit=1 << 20)
        except OSError:
            writer.transport.abort()
            return
        session = _Session(reader, writer, behind)
        self._sessions.add(session)
        pumps = [
            asyncio.create_task(self._commands(session)),
            asyncio.create_task(self._answers(session, answers)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._sessions.discard(session)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            behind.close()
            writer.close()

    async def _commands(self, session: _Session) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while line := await session.reader.readline():
                if session.deaf.is_set():
                    continue
                if await self._struck(session, line):
                    return
                session.behind.write(line)
                await session.behind.drain()

    async def _answers(self, session: _Session, answers: asyncio.StreamReader) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while data := await answers.read(_CHUNK):
                if session.deaf.is_set():
                    continue
                if session.signing_in and b"\n" + session.signing_in + b" OK" in b"\n" + data:
                    self.logins[session.user] += 1
                    session.signing_in = None
                session.writer.write(data)
                await session.writer.drain()
        # A client behind a black hole does not learn that the server went.
        if session.deaf.is_set():
            await asyncio.Event().wait()

    async def _struck(self, session: _Session, line: bytes) -> bool:
        """Reads along, and does what a fault wants; true where the session is over."""
        signs_in = self._note_sign_in(session, line)
        fault = self._faults.get(session.user)
        if fault is None or not session.user:
            return False
        tag, _, rest = line.partition(b" ")
        command = rest.strip().split(b" ", 1)[0].upper()
        if fault is Fault.REFUSE_SIGN_IN and signs_in:
            await self._farewell(session, (session.signing_in or tag) + b" NO AUTHENTICATE failed.\r\n")
            return True
        if fault is Fault.TOO_MANY and signs_in:
            await self._farewell(session, b"* BYE Too many connections for this user\r\n")
            return True
        if signs_in or command in _HARMLESS or session.signing_in:
            return False
        said = {
            Fault.NOT_CONNECTED: b"User is authenticated but not connected.",
            Fault.THROTTLE: b"Request is throttled. Suggested Backoff Time: %d milliseconds" % self._backoff,
        }.get(fault)
        if said is None:
            return False
        await self._farewell(session, tag + b" BAD " + said + b"\r\n* BYE Connection closed. 14\r\n")
        return True

    def _note_sign_in(self, session: _Session, line: bytes) -> bool:
        if session.awaits_token:
            session.awaits_token = False
            session.user = _user(line.strip())
            return True
        found = _AUTHENTICATE.match(line)
        if not found:
            return False
        session.signing_in = found.group(1)
        if found.group(2) is None:
            session.awaits_token = True
            return False
        session.user = _user(found.group(2))
        return True

    async def _farewell(self, session: _Session, said: bytes) -> None:
        with suppress(OSError):
            session.writer.write(said)
            await session.writer.drain()
            session.writer.close()
        self._sessions.discard(session)

    def _reset(self, session: _Session) -> None:
        # None where the client hung up and nobody here has noticed yet.
        tcp: socket.socket | None = session.writer.get_extra_info("socket")
        if tcp is not None:
            with suppress(OSError):
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        session.writer.transport.abort()
        session.behind.transport.abort()
        self._sessions.discard(session)


@asynccontextmanager
async def running(certificate: Path, key: Path, behind_port: int) -> AsyncIterator[ImapFaults]:
    """Runs the proxy on a free port."""
    proxy = ImapFaults(certificate, key, behind_port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


def _user(response: bytes) -> str:
    with suppress(binascii.Error, UnicodeDecodeError):
        said = base64.b64decode(response).decode()
        return said.partition("\x01")[0].removeprefix("user=").lower()
    return ""
