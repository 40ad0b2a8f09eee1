"""Folder names on the wire: modified UTF-7 in quotes."""

import binascii
import re
from base64 import b64decode, b64encode

_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
_BEYOND = re.compile(r"[^\x20-\x7e]+|&")


def encode(name: str) -> bytes:
    """Returns *name* in modified UTF-7."""

    # https://www.rfc-editor.org/rfc/rfc3501#section-5.1.3
    def shift(found: re.Match[str]) -> str:
        if found.group() == "&":
            return "&-"
        shifted = b64encode(found.group().encode("utf-16-be", "surrogatepass")).decode()
        return f"&{shifted.rstrip('=').replace('/', ',')}-"

    return _BEYOND.sub(shift, name).encode("ascii")


def decode(name: bytes) -> str:
    """Returns the name; what is no modified UTF-7 stays as it came, since some servers send UTF-8."""

    def unshift(found: re.Match[str]) -> str:
        if not found.group(1):
            return "&"
        shifted = found.group(1).replace(",", "/")
        try:
            return b64decode(shifted + "=" * (-len(shifted) % 4)).decode("utf-16-be")
        except (binascii.Error, UnicodeDecodeError):
            return found.group()

    return _SHIFTED.sub(unshift, name.decode("utf-8", "replace"))


def quoted(name: str) -> bytes:
    """Returns *name* as a command carries it; what would end its line is encoded like all that is not ASCII."""
    return b'"' + encode(name).replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
