"""
What use cases do with a mailbox, whichever backend it has: they name the mailbox, the backend finds its way.

A message is named by its id, a folder by its path. All methods raise NotFound for what is not there, MailboxRefused and
SignInRefused where a human must mend something, and TryLater.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.domain.mailboxes import Mailbox
from shared.domain.messages import Message
from shared.ports.microsoft365 import Mailboxes, MessageReader


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Some messages of a folder (not their texts), the newest first; `next` leads on, None at the end."""

    messages: Sequence[Message]
    total: int
    next: str | None


@dataclass(frozen=True, slots=True)
class Submission:
    """A message to send, whole, with its envelope; `sender` is the mailbox's own address, or one that it may use."""

    sender: str
    recipients: tuple[str, ...]
    message: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Submitted:
    """
    What became of it: what the server `said`, the Message-ID that it gave, where it tells, and whom it refused.

    `copy` is the id of the copy that we put into the mailbox's sent items; `copy_problem` says why there should be one
    and is none. The message is sent all the same.
    """

    said: str
    message_id: str | None = None
    refused: dict[str, str] = field(default_factory=dict)
    copy: str | None = None
    copy_problem: str | None = None


class Mail(Protocol):
    """Lists, changes, adds and sends mail."""

    def messages(self, mailbox: Mailbox, folder: str, *, limit: int, page: str | None = None) -> MessagePage:
        """Returns up to *limit* messages of a folder, those that *page* leads to."""

    def flag(self, mailbox: Mailbox, message: str, *, add: Collection[str] = (), remove: Collection[str] = ()) -> None:
        """Sets and clears flags: Seen, Flagged, Answered, Draft, each with a backslash before it."""

    def move(self, mailbox: Mailbox, message: str, folder: str) -> str | None:
        """Moves a message and returns its new id; None where the server does not tell."""

    def delete(self, mailbox: Mailbox, message: str, *, for_good: bool = False) -> str | None:
        """Moves a message to the trash and returns its new id; one that is there, or *for_good*, is removed."""

    def append(
        self,
        mailbox: Mailbox,
        folder: str,
        message: bytes,
        *,
        flags: Collection[str] = (),
        received: datetime | None = None,
    ) -> str | None:
        """Adds a message to a folder and returns its id; *received* is when it came, else it comes now."""

    def send(self, mailbox: Mailbox, submission: Submission) -> Submitted:
        """
        Sends a message in the name of the mailbox.

        For a shared mailbox, the copy that the backend keeps is its user's; then one is put into the mailbox's own sent
        items. Raises InvalidRequest for a message or recipients that are refused. Where it raises nothing was sent,
        unless the connection broke between the message and the server's answer, which nobody can tell.
        """

    def make_folder(self, mailbox: Mailbox, path: str) -> None:
        """Makes a folder, with those above it; raises Conflict where it is there."""

    def remove_folder(self, mailbox: Mailbox, path: str) -> None:
        """Removes a folder with its mail."""


class MailBackend(MessageReader, Mailboxes, Mail, Protocol):
    """All that a backend of its own kind does."""
