"""Mail as people write it: encoded words, addresses, charsets and names of files, none of which can be relied on."""

import binascii
import codecs
import re
from base64 import b64decode
from email.utils import collapse_rfc2231_value, decode_params, getaddresses
from html import unescape

from shared.domain.messages import Address

_WORD = re.compile(r"=\?([^?*\s]+)(?:\*[^?]*)?\?([BbQq])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(=\?)")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_INVISIBLE = re.compile(r"<(style|script|head|title)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.IGNORECASE | re.DOTALL)
_PREVIEW = 255
_PREVIEW_SOURCE = 32 * 1024


def headers_of(block: bytes) -> dict[str, tuple[str, ...]]:
    """Returns header fields by their lower-case names, values unfolded and in order; other lines are left out."""
    fields: list[tuple[str, str]] = []
    for line in text_of(block, None).splitlines():
        if not line.strip():
            continue
        if line[0] in " \t" and fields:
            name, value = fields[-1]
            fields[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon and name.strip() and " " not in name.strip():
            fields.append((name.strip().lower(), value.strip()))
    found: dict[str, tuple[str, ...]] = {}
    for name, value in fields:
        found[name] = (*found.get(name, ()), value)
    return found


def words_of(value: str) -> str:
    """Returns *value* with its encoded words decoded; neighbours of one charset may share a character."""
    pieces: list[str] = []
    pending, charset, end = b"", "", 0
    value = _BETWEEN_WORDS.sub(r"\1\2", value)
    for found in _WORD.finditer(value):
        between = value[end : found.start()]
        if between or found.group(1).lower() != charset:
            pieces.append(text_of(pending, charset or None))
            pieces.append(between)
            pending, charset = b"", found.group(1).lower()
        pending += _word(found.group(2), found.group(3))
        end = found.end()
    return "".join([*pieces, text_of(pending, charset or None), value[end:]])


def addresses_of(values: tuple[str, ...]) -> tuple[Address, ...]:
    """Returns the people that header fields name."""
    people = (Address(words_of(name).strip(), address.strip()) for name, address in getaddresses(list(values)))
    return tuple(person for person in people if person.name or person.address)


def text_of(encoded: bytes, charset: str | None, *, cut: bool = False) -> str:
    """Returns the text; a charset that nobody knows, or that lies, is guessed. What a *cut* halves is dropped."""
    for guess in (charset or "ascii", "utf-8"):
        try:
            return codecs.getincrementaldecoder(guess)("strict").decode(encoded, not cut)
        except (LookupError, ValueError):
            continue
    return encoded.decode("windows-1252", "replace")


def unwrapped(content: bytes, encoding: str) -> bytes:
    """Returns content without its transfer encoding; where it was cut, or damaged, what can be had of it."""
    encoding = encoding.strip().lower()
    if encoding == "base64":
        letters = _NOT_BASE64.sub(b"", content)
        whole = letters[: len(letters) // 4 * 4] if len(letters) % 4 == 1 else letters + b"=" * (-len(letters) % 4)
        return b64decode(whole)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(content)
    return content


def name_of(*parameters: dict[str, str]) -> str | None:
    """Returns a file's name from a part's parameters (RFC 2231's, and encoded words where they should not be)."""
    for some in parameters:
        try:
            decoded = dict(decode_params([("", ""), *some.items()]))
        except (ValueError, LookupError, IndexError):
            decoded = dict(some)
        for key in ("filename", "name"):
            if key in decoded:
                value = decoded[key]
                text = words_of(collapsed(value)).strip().strip('"')
                if text:
                    return text
    return None


def preview_of(plain: str | None, html: str | None) -> str:
    """Returns the beginning of a text on one line."""
    source = plain[:_PREVIEW_SOURCE] if plain else unescape(_INVISIBLE.sub(" ", (html or "")[:_PREVIEW_SOURCE]))
    return " ".join(source.split())[:_PREVIEW]


def _word(kind: str, content: str) -> bytes:
    raw = content.encode("ascii", "replace")
    if kind in "Bb":
        return unwrapped(raw, "base64")
    return binascii.a2b_qp(raw, header=True)


def collapsed(value: object) -> str:
    """Returns a parameter's value, which RFC 2231 lets name its charset."""
    if not isinstance(value, tuple):
        return str(value)
    try:
        return collapse_rfc2231_value(value)
    except (LookupError, ValueError):
        return str(value[-1])
