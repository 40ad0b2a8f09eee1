"""
What travels between the function app and the sidecar: JSON over HTTP, read and written by the same models at both ends.

Every request is a POST to PREFIX and the call's name; an answer that is not 200 is a Refused. Either end may be an
older version, and overlooks names that it does not know. So what it must not overlook, because something else would be
done without it, is no field but a call of its own, which an older sidecar refuses.
"""

import json
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints

from shared.domain.errors import (
    Conflict,
    GrantRefused,
    InvalidRequest,
    MailboxRefused,
    NotFound,
    RelayError,
    SignInRefused,
    TryLater,
)
from shared.domain.fields import plain
from shared.domain.folders import FolderTree
from shared.domain.messages import Message
from shared.domain.models import ApiModel

PREFIX = "/v1/"
#: The longest text of a message, and the longest message that can be sent or added: what Exchange takes by default.
# https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits
TEXT_LIMIT = 32 * 1024 * 1024
MESSAGE_LIMIT = 36 * 1024 * 1024
READS = 20
PAGE = 100

Wire = TypeVar("Wire", bound=ApiModel)


Key = Annotated[str, StringConstraints(min_length=1, max_length=128)]
MessageId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=4096), AfterValidator(plain)]
Flag = Annotated[str, StringConstraints(pattern=r"^\\?[A-Za-z0-9$_.-]{1,64}$")]
Flags = Annotated[tuple[Flag, ...], Field(max_length=32)]
Recipient = Annotated[str, StringConstraints(max_length=320, pattern=r"^[^\s<>\x00-\x1f\x7f]+@[^\s<>\x00-\x1f\x7f]+$")]


class _Wire(ApiModel):
    model_config = ConfigDict(extra="ignore", val_json_bytes="base64")


class Asked(_Wire):
    """In the name of which registration: the sidecar reads the rest from the account's row."""

    account: Key
    incarnation: Key


class ReadOne(Asked):
    """A message to read."""

    message: MessageId
    complete: bool
    text_bytes: Annotated[int, Field(ge=1, le=TEXT_LIMIT)]


class ReadMany(_Wire):
    """Messages to read, of any mailboxes."""

    requests: Annotated[tuple[ReadOne, ...], Field(min_length=1, max_length=READS)]


class FoldersAsked(Asked):
    """A mailbox whose folders are asked for."""


class ListAsked(Asked):
    """A page of a folder."""

    folder: Path
    limit: Annotated[int, Field(ge=1, le=PAGE)]
    page: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,10}$")] | None = None


class FlagAsked(Asked):
    """Flags to set and to clear."""

    message: MessageId
    add: Flags = ()
    remove: Flags = ()


class MoveAsked(Asked):
    """A message to move."""

    message: MessageId
    folder: Path


class DeleteAsked(Asked):
    """A message to delete."""

    message: MessageId
    for_good: bool = False


class AppendAsked(Asked):
    """A message to add."""

    folder: Path
    content: Annotated[bytes, Field(min_length=1, max_length=MESSAGE_LIMIT)]
    flags: Flags = ()
    received: AwareDatetime | None = None


class SendAsked(Asked):
    """A message to send."""

    sender: Recipient
    recipients: Annotated[tuple[Recipient, ...], Field(min_length=1, max_length=1000)]
    content: Annotated[bytes, Field(min_length=1, max_length=MESSAGE_LIMIT)]


class FolderAsked(Asked):
    """A folder to make or to remove."""

    path: Path


class Refused(_Wire):
    """Why not, and what to do about it: `kind` is which of our errors it is, `code` what exactly."""

    kind: str
    code: str
    message: str
    mend: str | None = None
    retry_after: float | None = None

    @classmethod
    def of(cls, error: RelayError) -> "Refused":
        """Returns *error* as it travels; one of which the other end need not know passes, for all it can tell."""
        kind = type(error).__name__ if type(error).__name__ in _ERRORS else TryLater.__name__
        waits = getattr(error, "retry_after", None)
        return cls(
            kind=kind,
            code=getattr(error, "reason", None) or error.code or type(error).__name__,
            message=str(error),
            mend=getattr(error, "mend", None),
            retry_after=waits.total_seconds() if waits else None,
        )

    def error(self) -> RelayError:
        """Returns the error that it was at the other end."""
        make = _ERRORS.get(self.kind, _later)
        return make(self)


class OneReading(_Wire):
    """A message; or that there is none; or why it cannot be read."""

    message: Message | None = None
    not_there: bool = False
    error: Refused | None = None


class Readings(_Wire):
    """One reading for each request, in their order."""

    readings: tuple[OneReading, ...]


class Tree(_Wire):
    """A mailbox's folders."""

    tree: FolderTree


class Listed(_Wire):
    """A page of a folder."""

    messages: tuple[Message, ...]
    total: int
    next: str | None = None


class Placed(_Wire):
    """The id of a message where it is now; None where the server does not tell."""

    message: str | None = None


class Sent(_Wire):
    """What became of a message that was sent."""

    said: str
    message_id: str | None = None
    refused: dict[str, str] = Field(default_factory=dict)
    copy_id: str | None = None
    copy_problem: str | None = None


def encode(value: ApiModel) -> bytes:
    """Returns *value* as UTF-8 JSON; what UTF-8 cannot hold (mail may bring half a character) becomes a `?`."""
    plain = value.model_dump(by_alias=True, exclude_defaults=True)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), default=_plain).encode("utf-8", "replace")


def decode(kind: type[Wire], body: bytes) -> Wire:
    """Returns what *encode* wrote; raises pydantic's ValidationError for anything else."""
    return kind.model_validate_json(body)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return urlsafe_b64encode(value).decode("ascii")
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} does not travel.")


def _sign_in(told: Refused) -> SignInRefused:
    return SignInRefused(told.message, reason=told.code, mend=told.mend or "")


def _grant(told: Refused) -> GrantRefused:
    return GrantRefused(told.message, reason=told.code, mend=told.mend or "")


def _mailbox(told: Refused) -> MailboxRefused:
    return MailboxRefused(told.message, reason=told.code, mend=told.mend or "")


def _later(told: Refused) -> TryLater:
    wait = None if told.retry_after is None else timedelta(seconds=told.retry_after)
    return TryLater(told.message, wait, reason=told.code, mend=told.mend)


_ERRORS = {
    GrantRefused.__name__: _grant,
    SignInRefused.__name__: _sign_in,
    MailboxRefused.__name__: _mailbox,
    NotFound.__name__: lambda told: NotFound(told.message),
    Conflict.__name__: lambda told: Conflict(told.message),
    InvalidRequest.__name__: lambda told: InvalidRequest(message=told.message),
    TryLater.__name__: _later,
}
