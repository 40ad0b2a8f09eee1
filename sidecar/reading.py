"""Reading one message of the folder that is open, however broken it is."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from shared.domain.imap_ids import ImapPlace
from shared.domain.messages import Message
from shared.ports.microsoft365 import NotThere
from sidecar.imap.connection import Connection
from sidecar.imap.errors import Code, Refusal
from sidecar.imap.mail import fetch_brief, fetch_outline, fetch_outlines, fetch_parts, is_listed, stream
from sidecar.imap_messages import Outline, brief_message, message_of, outline_of, structure_in
from sidecar.structures import Structure

# A message that the folder lists and cannot show is looked for again; then it is as good as gone.
_PAUSES = (0.25, 0.5, 1.0)
# A message whose structure the server cannot tell is read whole, up to here.
_WHOLE_LIMIT = 32 * 1024 * 1024
# Above this, taking a message apart would hold up every other mailbox.
_LONG = 1024 * 1024
_NO_STRUCTURE = Structure(None, None, ())


async def read_brief(connection: Connection, place: ImapPlace) -> Message | NotThere:
    """Returns what tells whether the message changed."""
    briefs = await fetch_brief(connection, [place.uid])
    return brief_message(place, briefs[0]) if briefs else NotThere()


async def read_message(connection: Connection, place: ImapPlace, *, text_bytes: int) -> Message | NotThere:
    """Returns the message, with up to *text_bytes* of each form of its text, as it came; it stays unread."""
    items = await _items(connection, place.uid)
    if not items:
        return NotThere()
    outline = outline_of(items)
    structure = outline.structure or await _structure(connection, place.uid)
    wanted = [part.number for part in (structure.plain, structure.html) if part and part.content is None]
    texts = await fetch_parts(connection, place.uid, wanted, text_bytes)
    return await _message(place, outline, structure, texts, text_bytes)


async def read_outlines(connection: Connection, places: Sequence[ImapPlace]) -> list[Message]:
    """Returns the messages at *places* without their texts, in that order; what is gone is left out."""
    try:
        found = await fetch_outlines(connection, [place.uid for place in places])
    except Refusal as refused:
        if refused.code is not Code.NOT_DONE or connection.ended:
            raise
        # One broken message is enough for a server to show none.
        found = {place.uid: dict(await _items(connection, place.uid)) for place in places}
    outlines = [(place, outline_of(items)) for place in places if (items := found.get(place.uid))]
    return [message_of(place, outline, outline.structure or _NO_STRUCTURE, {}, 0) for place, outline in outlines]


async def _items(connection: Connection, uid: int) -> Mapping[bytes, Any]:
    for pause in (*_PAUSES, None):
        try:
            items = await fetch_outline(connection, uid)
        except Refusal as refused:
            if refused.code is not Code.NOT_DONE or connection.ended:
                raise
            items = await fetch_outline(connection, uid, structure=False)
        if items:
            return items
        if pause is None or not await is_listed(connection, uid):
            break
        await asyncio.sleep(pause)
    return {}


async def _structure(connection: Connection, uid: int) -> Structure:
    raw = bytearray()
    async for piece in stream(connection, uid):
        raw += piece
        if len(raw) > _WHOLE_LIMIT:
            break
    if len(raw) < _LONG:
        return structure_in(bytes(raw))
    return await asyncio.to_thread(structure_in, bytes(raw))


async def _message(
    place: ImapPlace, outline: Outline, structure: Structure, texts: Mapping[str, bytes], limit: int
) -> Message:
    if sum(map(len, texts.values())) < _LONG:
        return message_of(place, outline, structure, texts, limit)
    return await asyncio.to_thread(message_of, place, outline, structure, texts, limit)
