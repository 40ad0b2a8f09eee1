"""Responses as they come over the wire: lines, with literals set apart from them."""

import asyncio
import re
from dataclasses import dataclass

#: A line may be this long: the UIDs of a large folder in one `SEARCH`, or a very odd BODYSTRUCTURE.
LINE_LIMIT = 4 << 20
# We ask for mail in slices, so that nothing larger is ours.
_LITERAL_LIMIT = 64 * 1024 * 1024
_LITERAL = re.compile(rb"\{(\d+)\+?\}$")
_STATUS = re.compile(rb"^(OK|NO|BAD|BYE|PREAUTH)(?: +\[([^\]]*)\])?(?: +(.*))?$", re.IGNORECASE | re.DOTALL)


class BrokenStream(Exception):
    """The server sends what is no IMAP; the connection cannot be used any more."""


@dataclass(frozen=True, slots=True)
class Response:
    """
    A response: its tag (`*`, `+` or a command's), and the rest in pieces.

    There is one literal between each two of the *lines*.
    """

    tag: bytes
    lines: tuple[bytes, ...]
    literals: tuple[bytes, ...] = ()

    @property
    def text(self) -> bytes:
        """The response up to its first literal."""
        return self.lines[0]

    @property
    def said(self) -> str:
        """The text for a human."""
        return self.text.decode("utf-8", "replace").strip()

    @property
    def status(self) -> "Status | None":
        """What the response decides, where it is an OK, NO, BAD, BYE or PREAUTH."""
        found = _STATUS.match(self.text)
        if not found:
            return None
        return Status(found.group(1).upper(), found.group(2) or b"", (found.group(3) or b"").decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Status:
    """A decision of the server: the word, the code in brackets, and the words for a human."""

    word: bytes
    code: bytes
    text: str

    def argument(self, name: bytes) -> bytes | None:
        """Returns the argument of the code *name* (`UIDVALIDITY 7`), or None where it is another code."""
        found, _, argument = self.code.partition(b" ")
        return argument if found.upper() == name else None


async def read_response(reader: asyncio.StreamReader) -> Response:
    """Returns the next response; raises IncompleteReadError at the end, BrokenStream where it is no IMAP."""
    line = await _line(reader)
    tag, _, rest = line.partition(b" ")
    lines, literals = [], []
    # Words for a human may end like a literal; only data has literals.
    while (found := _LITERAL.search(rest)) and not _STATUS.match(rest):
        size = int(found.group(1))
        if size > _LITERAL_LIMIT:
            raise BrokenStream(f"The server announces {size} bytes at once.")
        lines.append(rest[: found.start()])
        literals.append(await reader.readexactly(size))
        rest = await _line(reader)
    return Response(tag, (*lines, rest), tuple(literals))


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as exc:
        raise BrokenStream("The server sends a line without an end.") from exc
    return line.rstrip(b"\r\n")
