"""The sidecar in memory: mailboxes with folders and messages, and what was sent from them."""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import message_from_bytes

from shared.domain.errors import Conflict, InvalidRequest, NotFound
from shared.domain.folders import Folder, FolderTree
from shared.domain.imap_ids import ImapPlace, folder_id, message_id, place_of
from shared.domain.mailboxes import Mailbox, Registration
from shared.domain.messages import Message
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Clock
from shared.ports.mail import MessagePage, Submission, Submitted
from shared.ports.microsoft365 import NotThere, Reading, ReadRequest
from tests.fakes.microsoft365 import Troubles

ROLES = {"INBOX": "\\Inbox", "Sent Items": "\\Sent", "Deleted Items": "\\Trash"}
UIDVALIDITY = 7


@dataclass
class Folders:
    """A mailbox: each folder's messages by UID, and the next UID of all."""

    folders: dict[str, dict[int, Message]] = field(default_factory=lambda: {path: {} for path in ROLES})
    uid: int = 0


class FakeSidecar:
    """
    Opens mailboxes of registrations; `shared` are the users whose mailboxes are another's than who signed in.

    `instead` holds what the next readings of a message are, `troubles` what other calls run into.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.boxes: dict[str, Folders] = {}
        self.instead: dict[str, deque[Reading]] = {}
        self.rounds: list[list[ReadRequest]] = []
        self.troubles = Troubles()
        self.shared: set[str] = set()
        self.sent: list[Submission] = []

    def arrive(self, account: str, raw: bytes, folder: str = "INBOX") -> str:
        """Put a message into a mailbox, and return its id."""
        return self._add(self._box(account), folder, raw, frozenset(), self._clock.now())

    def next(self, message: str, *readings: Reading) -> None:
        """Make the next readings of a message come out so."""
        self.instead.setdefault(message, deque()).extend(readings)

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        """Return one reading for each request."""
        self.rounds.append(list(requests))
        return [self._read(request) for request in requests]

    def probe(self, app: OAuth2App, user: str, registration: Registration | None = None) -> FolderTree:
        """Return the folder tree."""
        self.troubles.strike()
        assert registration is not None
        paths = self._box(registration.account).folders
        return FolderTree(folders={folder_id(path): Folder(path=path, special_use=ROLES.get(path)) for path in paths})

    def messages(self, mailbox: Mailbox, folder: str, *, limit: int, page: str | None = None) -> MessagePage:
        """Return a page of a folder."""
        found = self._folder(mailbox, folder)
        uids = [uid for uid in sorted(found, reverse=True) if page is None or uid < int(page)]
        shown = uids[:limit]
        return MessagePage([found[uid] for uid in shown], len(found), str(shown[-1]) if len(uids) > limit else None)

    def flag(self, mailbox: Mailbox, message: str, *, add: Collection[str] = (), remove: Collection[str] = ()) -> None:
        """Set and clear flags."""
        folder, place = self._place(mailbox, message)
        flags = (folder[place.uid].flags | set(add)) - set(remove)
        folder[place.uid] = replace(folder[place.uid], flags=frozenset(flags))

    def move(self, mailbox: Mailbox, message: str, folder: str) -> str | None:
        """Move a message."""
        source, place = self._place(mailbox, message)
        self._folder(mailbox, folder)
        return self._put(self._box(mailbox.registration.account), folder, source.pop(place.uid))

    def delete(self, mailbox: Mailbox, message: str, *, for_good: bool = False) -> str | None:
        """Delete a message."""
        folder, place = self._place(mailbox, message)
        if for_good or place.folder == folder_id("Deleted Items"):
            del folder[place.uid]
            return None
        return self.move(mailbox, message, "Deleted Items")

    def append(
        self,
        mailbox: Mailbox,
        folder: str,
        message: bytes,
        *,
        flags: Collection[str] = (),
        received: datetime | None = None,
    ) -> str | None:
        """Add a message."""
        self._folder(mailbox, folder)
        box = self._box(mailbox.registration.account)
        return self._add(box, folder, message, frozenset(flags), received or self._clock.now())

    def send(self, mailbox: Mailbox, submission: Submission) -> Submitted:
        """Send a message."""
        self.troubles.strike()
        if "@" not in submission.sender:
            raise InvalidRequest(message="No sender.")
        self.sent.append(submission)
        copy = None
        if mailbox.user in self.shared:
            copy = self.append(mailbox, "Sent Items", submission.message, flags=["\\Seen"])
        return Submitted("2.0.0 OK", copy=copy)

    def make_folder(self, mailbox: Mailbox, path: str) -> None:
        """Make a folder."""
        folders = self._box(mailbox.registration.account).folders
        if path in folders:
            raise Conflict("It is there.")
        folders[path] = {}

    def remove_folder(self, mailbox: Mailbox, path: str) -> None:
        """Remove a folder."""
        self._folder(mailbox, path)
        del self._box(mailbox.registration.account).folders[path]

    def _box(self, account: str) -> Folders:
        return self.boxes.setdefault(account, Folders())

    def _folder(self, mailbox: Mailbox, path: str) -> dict[int, Message]:
        self.troubles.strike()
        folders = self._box(mailbox.registration.account).folders
        if path not in folders:
            raise NotFound("No such folder.")
        return folders[path]

    def _place(self, mailbox: Mailbox, message: str) -> tuple[dict[int, Message], ImapPlace]:
        self.troubles.strike()
        found = self._find(mailbox.registration.account, message)
        if found is None:
            raise NotFound("No such message.")
        return found

    def _find(self, account: str, message: str) -> tuple[dict[int, Message], ImapPlace] | None:
        place = place_of(message)
        for path, messages in self._box(account).folders.items():
            if place and folder_id(path) == place.folder and place.uid in messages:
                return messages, place
        return None

    def _read(self, request: ReadRequest) -> Reading:
        if self.instead.get(request.message):
            return self.instead[request.message].popleft()
        found = self._find(request.registration.account, request.message) if request.registration else None
        return found[0][found[1].uid] if found else NotThere()

    def _add(self, box: Folders, path: str, raw: bytes, flags: frozenset[str], received: datetime) -> str:
        parsed = message_from_bytes(raw)
        message = Message(
            id="",
            folder="",
            change_key="",
            received=received,
            created=received,
            modified=received,
            flags=flags,
            subject=str(parsed["Subject"]),
            size=len(raw),
        )
        return self._put(box, path, message)

    def _put(self, box: Folders, path: str, message: Message) -> str:
        box.uid += 1
        folder = folder_id(path)
        identity = message_id(folder, UIDVALIDITY, box.uid)
        box.folders[path][box.uid] = replace(message, id=identity, folder=folder)
        return identity
