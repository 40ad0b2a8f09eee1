"""Messages as a backend reads them, whichever backend it is; an event is made from nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

# Of a text that nobody wants, what makes a preview.
_PREVIEWED = 64 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """A person or a group: either part may be empty, never both."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Body:
    """A message's text in one form; `whole` is its full size in bytes where `content` is only its beginning."""

    kind: Literal["html", "plain"]
    content: str
    whole: int | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is known of an attachment without fetching it; `size` is in bytes as encoded."""

    id: str
    content_type: str
    size: int
    inline: bool
    filename: str | None = None
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """
    A message as it is now. Moments are aware UTC; `change_key` differs after every change of the message.

    `folder` is the backend's folder id. `alternative` is the text in its other form, where the backend keeps both.
    `headers` has lower-case names, values in order of appearance. `size` is the whole message's in bytes, where the
    backend tells it.
    """

    id: str
    folder: str
    change_key: str
    received: datetime
    created: datetime
    modified: datetime
    flags: frozenset[str]
    labels: tuple[str, ...] = ()
    subject: str = ""
    sender: Address | None = None
    author: Address | None = None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    internet_message_id: str | None = None
    thread: str | None = None
    preview: str = ""
    body: Body | None = None
    alternative: Body | None = None
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    size: int | None = None


@dataclass(frozen=True, slots=True)
class ContentRules:
    """How much of a message goes into an event: text up to `text_bytes`, and which headers (`*` for all)."""

    text: bool = True
    text_bytes: int = 2 * 1024 * 1024
    headers: tuple[str, ...] = ()

    @property
    def encoded_bytes(self) -> int:
        """How much of a text, as it was sent, holds `text_bytes` of it: base64 adds a third, and lines."""
        return self.text_bytes * 3 // 2 if self.text else _PREVIEWED
