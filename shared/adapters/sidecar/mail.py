"""Mail of accounts whose users signed in: everything goes through the sidecar."""

from collections.abc import Collection, Sequence
from datetime import datetime

from shared.adapters.sidecar import wire
from shared.adapters.sidecar.client import SidecarClient
from shared.domain.errors import RelayError, TryLater
from shared.domain.folders import FolderTree
from shared.domain.mailboxes import Mailbox, Registration
from shared.domain.oauth2 import OAuth2App
from shared.ports.mail import MessagePage, Submission, Submitted
from shared.ports.microsoft365 import NotThere, Reading, ReadRequest, Unread


class SidecarMail:
    """Reads, lists, changes, adds and sends mail through *client*."""

    def __init__(self, client: SidecarClient) -> None:
        self._client = client

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        """Returns one reading for each request; where the sidecar does not answer, each says so."""
        readings: list[Reading] = []
        for start in range(0, len(requests), wire.READS):
            some = requests[start : start + wire.READS]
            try:
                readings.extend(self._read(some))
            except RelayError as problem:
                readings.extend(Unread(problem) for _ in some)
        return readings

    def probe(self, app: OAuth2App, user: str, registration: Registration | None = None) -> FolderTree:
        """Returns the folders of the registration's mailbox."""
        del app, user
        asked = wire.FoldersAsked(**_named(registration))
        return self._client.call("folders", asked, wire.Tree).tree

    def messages(self, mailbox: Mailbox, folder: str, *, limit: int, page: str | None = None) -> MessagePage:
        """Returns a page of a folder."""
        asked = wire.ListAsked(**_named(mailbox.registration), folder=folder, limit=limit, page=page)
        found = self._client.call("messages", asked, wire.Listed)
        return MessagePage(found.messages, found.total, found.next)

    def flag(self, mailbox: Mailbox, message: str, *, add: Collection[str] = (), remove: Collection[str] = ()) -> None:
        """Sets and clears flags."""
        asked = wire.FlagAsked(**_named(mailbox.registration), message=message, add=tuple(add), remove=tuple(remove))
        self._client.call("flag", asked, wire.Placed)

    def move(self, mailbox: Mailbox, message: str, folder: str) -> str | None:
        """Moves a message."""
        asked = wire.MoveAsked(**_named(mailbox.registration), message=message, folder=folder)
        return self._client.call("move", asked, wire.Placed).message

    def delete(self, mailbox: Mailbox, message: str, *, for_good: bool = False) -> str | None:
        """Deletes a message."""
        asked = wire.DeleteAsked(**_named(mailbox.registration), message=message, for_good=for_good)
        return self._client.call("delete", asked, wire.Placed).message

    def append(
        self,
        mailbox: Mailbox,
        folder: str,
        message: bytes,
        *,
        flags: Collection[str] = (),
        received: datetime | None = None,
    ) -> str | None:
        """Adds a message."""
        asked = wire.AppendAsked(
            **_named(mailbox.registration), folder=folder, content=message, flags=tuple(flags), received=received
        )
        return self._client.call("append", asked, wire.Placed, sends=True).message

    def send(self, mailbox: Mailbox, submission: Submission) -> Submitted:
        """Sends a message."""
        asked = wire.SendAsked(
            **_named(mailbox.registration),
            sender=submission.sender,
            recipients=submission.recipients,
            content=submission.message,
        )
        sent = self._client.call("send", asked, wire.Sent, sends=True)
        return Submitted(sent.said, sent.message_id, dict(sent.refused), sent.copy_id, sent.copy_problem)

    def make_folder(self, mailbox: Mailbox, path: str) -> None:
        """Makes a folder."""
        self._client.call("folders/make", wire.FolderAsked(**_named(mailbox.registration), path=path), wire.Placed)

    def remove_folder(self, mailbox: Mailbox, path: str) -> None:
        """Removes a folder."""
        self._client.call("folders/remove", wire.FolderAsked(**_named(mailbox.registration), path=path), wire.Placed)

    def _read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        asked = wire.ReadMany(
            requests=tuple(
                wire.ReadOne(
                    **_named(request.registration),
                    message=request.message,
                    complete=request.complete,
                    text_bytes=min(max(request.text_bytes, 1), wire.TEXT_LIMIT),
                )
                for request in requests
            )
        )
        found = self._client.call("read", asked, wire.Readings).readings
        if len(found) != len(requests):
            raise TryLater("The sidecar answered to something else than what was asked.")
        return list(map(_reading, found))


def _reading(told: wire.OneReading) -> Reading:
    if told.message is not None:
        return told.message
    return NotThere() if told.error is None else Unread(told.error.error())


def _named(registration: Registration | None) -> dict[str, str]:
    if registration is None:
        raise TryLater("A mailbox of a user can be opened in the name of an account only.")
    return {"account": registration.account, "incarnation": registration.incarnation}
