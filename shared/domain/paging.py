"""Pages: EmailEngine's numbered ones, and opaque cursors that cost only what they show."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, TypeVar

from shared.domain.errors import FieldProblem, InvalidRequest

Item = TypeVar("Item")


def numbered(items: Sequence[Item], page: int, page_size: int) -> tuple[dict[str, int], Sequence[Item]]:
    """Returns `total`, `page` and `pages` for *items*, and the items of *page* (counted from 0)."""
    total = len(items)
    start = page * page_size
    return {"total": total, "page": page, "pages": -(-total // page_size)}, items[start : start + page_size]


def encode_cursor(position: dict[str, Any] | None) -> str | None:
    """Returns an opaque cursor for a store's *position*, or None at the end."""
    if position is None:
        return None
    return urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> dict[str, str] | None:
    """Returns the position behind *cursor*; raises InvalidRequest naming `cursor` where it is none of ours."""
    if cursor is None:
        return None
    try:
        position = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        # Half a character can be written in JSON, and in no request to a store.
        json.dumps(position, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        position = None
    if not isinstance(position, dict) or not all(isinstance(value, str) for value in position.values()):
        raise InvalidRequest(FieldProblem("cursor", '"cursor" must be one that an earlier page returned'))
    return position
