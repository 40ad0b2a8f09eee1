"""An IMAP server that says what a test wants it to say, for what no real server says."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

GREETING = b"* OK [CAPABILITY IMAP4rev1 SASL-IR IDLE] ready\r\n"


@dataclass
class Script:
    """
    What is said for each command, by the beginning of its line; `%s` is the tag, and `heard` is what came in.

    Of several answers each is given once, the last one again and again.
    """

    answers: Mapping[bytes, bytes | list[bytes]]
    greeting: bytes = GREETING
    heard: list[bytes] = field(default_factory=list)
    port: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold one conversation."""
        self.writers.append(writer)
        writer.write(self.greeting)
        tag = b""
        while line := await reader.readline():
            self.heard.append(line.rstrip(b"\r\n"))
            first, _, rest = line.partition(b" ")
            tag, rest = (first, rest) if first.startswith(b"R") else (tag, line)
            said = next((said for start, said in self.answers.items() if rest.startswith(start)), b"%s OK done\r\n")
            if isinstance(said, list):
                said = said.pop(0) if len(said) > 1 else said[0]
            writer.write(said.replace(b"%s", tag))
            await writer.drain()
            if b"* BYE" in said:
                writer.close()

    def say(self, text: bytes) -> None:
        """Say something unasked."""
        self.writers[-1].write(text)


@asynccontextmanager
async def scripted(
    answers: Mapping[bytes, bytes | list[bytes]], *, greeting: bytes = GREETING
) -> AsyncIterator[Script]:
    """Run a script on a free port of this machine."""
    script = Script(answers, greeting)
    server = await asyncio.start_server(script.talk, "127.0.0.1", 0, limit=1 << 20)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        for writer in script.writers:
            writer.close()
        # Conversations end by themselves once nobody is on the other side.
        await asyncio.sleep(0)
