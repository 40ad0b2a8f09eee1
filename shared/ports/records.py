"""Records as stores hand them out: with what tells whether they changed meanwhile, and by the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Stored(Generic[Value]):
    """A record as it was read: writing it back with this `etag` tells whether somebody else wrote in between."""

    value: Value
    etag: str


@dataclass(frozen=True, slots=True)
class Page(Generic[Value]):
    """Some records in the store's order, and the position after them; None at the end."""

    items: Sequence[Value]
    position: dict[str, str] | None
