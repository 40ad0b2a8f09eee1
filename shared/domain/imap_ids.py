"""
Ids of messages that IMAP knows: opaque outside, and all that finds the message again inside.

An id is 16 bytes in base64url without padding: 8 of the folder's key, 4 of its UIDVALIDITY, 4 of the message's UID. A
message that is moved, or whose folder is renumbered, has another id; a message that is changed keeps its own.
"""

import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

_KEY = 8
_LENGTH = 22
_PLACE = struct.Struct(">8sII")


@dataclass(frozen=True, slots=True)
class ImapPlace:
    """Where a message is: the id of its folder, and its number there, good for one UIDVALIDITY."""

    folder: str
    uidvalidity: int
    uid: int


def folder_id(path: str) -> str:
    """Returns the id of the folder at *path*; INBOX is the same folder however it is written."""
    name = "INBOX" if path.upper() == "INBOX" else path
    return _text(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:_KEY])


def message_id(folder: str, uidvalidity: int, uid: int) -> str:
    """Returns the id of a message in the folder with the id *folder*."""
    return _text(_PLACE.pack(_bytes(folder), uidvalidity, uid))


def place_of(message: str) -> ImapPlace | None:
    """Returns where the message with this id is, or None where nobody made such an id."""
    if len(message) != _LENGTH:
        return None
    try:
        packed = _bytes(message)
        key, uidvalidity, uid = _PLACE.unpack(packed)
    except (ValueError, struct.error):
        return None
    # Several texts decode to the same bytes; only the one that we write is an id.
    return ImapPlace(_text(key), uidvalidity, uid) if _text(packed) == message else None


def _text(packed: bytes) -> str:
    return urlsafe_b64encode(packed).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
