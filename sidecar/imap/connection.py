"""
One connection: a command at a time, and every untagged line through one ordered feed.

A reader of its own takes what the server sends, so that whoever waits can be interrupted without losing the place in
the stream. Any end (BYE, close, reset, silence) raises a Refusal at once in whatever waits and in every later command.
A command that is cancelled takes the connection with it, because its answers would be taken for the next one's.
"""

import asyncio
import socket
import ssl
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

from sidecar.imap.errors import Code, Refusal, refusal
from sidecar.imap.turns import Turns
from sidecar.imap.wire import LINE_LIMIT, BrokenStream, Response, Status, read_response

#: How long one IDLE lasts at most. Exchange allows 30 minutes, what lies between us and it less.
# https://www.rfc-editor.org/rfc/rfc2177
IDLE_SECONDS = 9 * 60.0
_COMMAND_SECONDS = 60.0
# How long the server may take to answer DONE: only silence tells that the way to it is gone.
_DONE_SECONDS = 15.0
_LOGOUT_SECONDS = 5.0
# Load balancers drop a connection that is silent for four minutes.
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


@dataclass(slots=True)
class Answer:
    """What a command brought: the untagged responses that came with it, and how it was completed."""

    untagged: list[Response]
    status: Status


@dataclass(eq=False, slots=True)
class _Command:
    tag: bytes
    turns: Turns = field(default_factory=Turns)
    untagged: list[Response] = field(default_factory=list)


class Connection:
    """A connection to an IMAP server; `feed`, where it is set, sees each untagged response in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()
        self._count = 0
        self._command: _Command | None = _Command(b"greeting")
        self._ended: Refusal | None = None
        self._sleeper: asyncio.Event | None = None
        self._leaving = False
        self.capabilities: frozenset[str] = frozenset()
        self.feed: Callable[[Response], None] | None = None
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, host: str, port: int, context: ssl.SSLContext | None, *, seconds: float = 30.0) -> "Connection":
        """Connects and hears the greeting; without a *context* in plain text, as a proxy on one machine speaks."""
        connection = None
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=LINE_LIMIT)
                _keep_alive(writer)
                _forget_certificate(writer)
                connection = cls(reader, writer)
                await connection._greeting()
        except TimeoutError as exc:
            raise Refusal(Code.UNREACHABLE, f"{host}:{port} does not answer") from exc
        except OSError as exc:
            raise Refusal(Code.UNREACHABLE, f"{host}:{port}: {exc.strerror or exc}") from exc
        else:
            return connection
        finally:
            if connection and not connection.capabilities:
                connection.abort()

    @property
    def ended(self) -> Refusal | None:
        """Why the connection cannot be used any more, or None while it can."""
        return self._ended

    async def sign_in(self, mailbox: str, token: str) -> None:
        """
        Signs in to *mailbox* with an access token, and learns what the server can do now.

        Exchange advertises other capabilities after the sign-in. We never ENABLE what it offers then: IMAP4rev2, seen
        in one of several tenants, changed the answers to a search, and did not work.
        """
        # https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
        proof = b64encode(f"user={mailbox}\x01auth=Bearer {token}\x01\x01".encode())
        at_once = "SASL-IR" in self.capabilities
        challenge = None
        async with self._lock:
            command = await self._send(b"AUTHENTICATE XOAUTH2" + (b" " + proof if at_once else b""))
            unsent = not at_once
            while (turn := await self._turn(command, _COMMAND_SECONDS)).tag == b"+":
                if not unsent:
                    challenge = _decoded(turn.text)
                await self._write(proof + b"\r\n" if unsent else b"\r\n")
                unsent = False
            status = _decision(turn)
            if status.word != b"OK":
                raise refusal(turn.said.partition(" ")[2], otherwise=Code.SIGN_IN_REFUSED, challenge=challenge)
        await self._learn(status)

    async def run(self, command: bytes, *, literal: bytes | None = None, seconds: float = _COMMAND_SECONDS) -> Answer:
        """Returns what *command* brings, its *literal* behind it; raises a Refusal for NO, BAD and every end."""
        async with self._lock:
            if literal is None:
                sent = await self._send(command)
            else:
                sent = await self._send_with(command, literal, seconds)
            turn = await self._turn(sent, seconds)
        status = _decision(turn)
        if status.word != b"OK":
            raise refusal(turn.said.partition(" ")[2])
        return Answer(sent.untagged, status)

    async def idle(self, until: asyncio.Event, seconds: float = IDLE_SECONDS) -> None:
        """
        Lets the server tell what happens, until *until* is set or *seconds* are over.

        Raises TIMED_OUT where the server does not answer that we are done: the way to it is gone.
        """
        if until.is_set():
            return
        async with self._lock:
            command = await self._send(b"IDLE")
            turn = await self._turn(command, _DONE_SECONDS)
            if turn.tag != b"+":
                raise refusal(turn.said.partition(" ")[2])
            await self._sleep(until, seconds)
            await self._write(b"DONE\r\n")
            turn = await self._turn(command, _DONE_SECONDS)
            if _decision(turn).word != b"OK":
                raise refusal(turn.said.partition(" ")[2])

    async def logout(self) -> None:
        """Leaves in order, which frees the connection's place among the few that Exchange allows; never raises."""
        self._leaving = True
        with suppress(Refusal):
            await self.run(b"LOGOUT", seconds=_LOGOUT_SECONDS)
        self.abort()

    def abort(self) -> None:
        """Drops the connection."""
        self._end(Refusal(Code.CLOSED, "closed by us"))

    async def _greeting(self) -> None:
        async with self._lock:
            greeting = await self._turn(self._command, _COMMAND_SECONDS)
        await self._learn(_decision(greeting))

    async def _learn(self, status: Status) -> None:
        told = status.argument(b"CAPABILITY")
        if told is None:
            answer = await self.run(b"CAPABILITY")
            lines = (response.text.partition(b" ") for response in answer.untagged)
            told = next((rest for word, _, rest in lines if word.upper() == b"CAPABILITY"), b"")
        self.capabilities = _capabilities(told)

    async def _send(self, line: bytes) -> _Command:
        if self._ended:
            raise self._ended
        self._count += 1
        command = _Command(b"R%d" % self._count)
        self._command = command
        await self._write(command.tag + b" " + line + b"\r\n")
        return command

    async def _send_with(self, line: bytes, literal: bytes, seconds: float) -> _Command:
        waits = "LITERAL+" not in self.capabilities
        command = await self._send(line + (b" {%d}" if waits else b" {%d+}") % len(literal))
        if waits:
            turn = await self._turn(command, seconds)
            if turn.tag != b"+":
                raise refusal(turn.said.partition(" ")[2])
        await self._write(literal + b"\r\n")
        return command

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        try:
            async with asyncio.timeout(_COMMAND_SECONDS):
                await self._writer.drain()
        except TimeoutError:
            self._end(Refusal(Code.TIMED_OUT, "the server takes nothing any more"))
        except OSError as exc:
            self._end(Refusal(Code.CLOSED, str(exc)))
        except asyncio.CancelledError:
            self.abort()
            raise

    async def _turn(self, command: _Command | None, seconds: float) -> Response:
        """Returns what the server says next to *command*: its completion, or that it waits for more."""
        if command is None:
            raise self._ended or Refusal(Code.CLOSED, "")
        try:
            async with asyncio.timeout(seconds):
                turn = await command.turns.take()
        except TimeoutError:
            silence = Refusal(Code.TIMED_OUT, f"no answer for {seconds:.0f} seconds")
            self._end(silence)
            raise silence from None
        except asyncio.CancelledError:
            self.abort()
            raise
        if isinstance(turn, Refusal):
            raise turn
        return turn

    async def _sleep(self, until: asyncio.Event, seconds: float) -> None:
        self._sleeper = until
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not until.is_set() and not self._ended:
                        await until.wait()
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._sleeper = None
        if self._ended:
            raise self._ended

    async def _read(self) -> None:
        try:
            while not self._ended:
                self._take(await read_response(self._reader))
        except asyncio.IncompleteReadError:
            self._end(Refusal(Code.CLOSED, "the server closed the connection"))
        except BrokenStream as exc:
            self._end(Refusal(Code.CLOSED, str(exc)))
        except OSError as exc:
            self._end(Refusal(Code.CLOSED, exc.strerror or str(exc)))
        finally:
            # Nobody may wait for a reader that is no more, whatever ended it.
            self._end(Refusal(Code.CLOSED, "the reader ended"))

    def _take(self, response: Response) -> None:
        command = self._command
        if response.tag != b"*":
            if command and response.tag in (b"+", command.tag):
                command.turns.put(response)
            if command and response.tag == command.tag:
                # Its answer may be megabytes, which whoever asked has now.
                self._command = None
            return
        status = None if response.text[:1].isdigit() else response.status
        if status and status.word == b"BYE" and not self._leaving:
            self._end(refusal(response.said.partition(" ")[2], otherwise=Code.CLOSED))
            return
        if command and command.tag == b"greeting":
            command.turns.put(response)
            return
        if command:
            command.untagged.append(response)
        if self.feed:
            self.feed(response)

    def _end(self, why: Refusal) -> None:
        if self._ended:
            return
        self._ended = why
        if self._command:
            self._command.turns.put(why)
        if self._sleeper:
            self._sleeper.set()
        self._writer.transport.abort()
        if self._task is not asyncio.current_task():
            self._task.cancel()


@lru_cache(maxsize=16)
def _capabilities(told: bytes) -> frozenset[str]:
    # All of a server's connections share one set.
    return frozenset(told.decode("ascii", "replace").upper().split())


def _decision(response: Response) -> Status:
    return response.status or Status(b"BAD", b"", response.said)


def _decoded(challenge: bytes) -> str:
    try:
        return b64decode(challenge, validate=True).decode("utf-8", "replace")
    except NotBase64:
        return challenge.decode("utf-8", "replace")


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    # What a platform does not know by name it does not do; DONE's time limit finds the rest.
    tcp: socket.socket | None = writer.get_extra_info("socket")
    if tcp is None:
        raise ConnectionResetError("the server hung up at once")
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            tcp.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _forget_certificate(writer: asyncio.StreamWriter) -> None:
    # It is checked by now, and asyncio would keep every name in it with each connection.
    certificate = writer.get_extra_info("peercert")
    if certificate:
        certificate.clear()
