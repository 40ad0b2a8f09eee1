"""A mailbox: its folders, its messages, and the changes that it tells others about."""

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local.m365 import moments
from local.m365.errors import GraphError, item_not_found
from local.m365.folders import ROOT, Folder, default_folders, folder_id
from local.m365.mime import Content

#: What a PATCH may change on any message; a draft's text is open too.
MARKS = {"isRead", "flag", "categories", "importance", "inferenceClassification", "isReadReceiptRequested"}
DRAFT_PROPERTIES = {"subject", "body", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "from", "sender"}


@dataclass(slots=True, eq=False)
class Message:
    """A message, where it lies and how it is marked."""

    immutable_id: str
    changing_id: str
    folder: Folder
    content: Content
    properties: dict[str, Any]
    version: int = 0
    hidden_reads: int = 0

    @property
    def change_key(self) -> str:
        """The version as Graph spells it."""
        raw = self.version.to_bytes(8, "big") + self.immutable_id[-8:].encode()
        return "CQAAABYAAA" + base64.b64encode(raw).decode().rstrip("=")

    @property
    def etag(self) -> str:
        """The version as HTTP spells it."""
        return f'W/"{self.change_key}"'


@dataclass(frozen=True, slots=True)
class Change:
    """
    What happened to a message; `before` holds the properties that an update replaced.

    `new` says that the message did not exist before: one that was moved is `created` too.
    """

    kind: str
    message: Message
    folder: Folder
    changing_id: str
    etag: str
    before: dict[str, Any] | None = None
    new: bool = False


@dataclass(slots=True, eq=False)
class Mailbox:
    """One mailbox of one tenant."""

    id: str
    tenant: str
    address: str
    upn: str
    display_name: str
    language: str = "en"
    shared: bool = False
    #: 403 or 404, when every call to this mailbox is answered so.
    refusal: int | None = None
    listener: Callable[["Mailbox", Change], None] | None = None
    folders: dict[str, Folder] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    #: Changing id to immutable id, for ids that are valid now.
    changing: dict[str, str] = field(default_factory=dict)
    #: Folder id to the sequence of its last change; folders that are gone stay.
    folder_changes: dict[str, int] = field(default_factory=dict)
    sequence: int = 0
    _known: dict[str, Folder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in default_folders(self.id, self.language):
            self._add_folder(folder)

    def folder(self, name: str) -> Folder:
        """Finds a folder by id or by well-known name."""
        found = self.folders.get(name) or self._known.get(name.lower())
        if found is None:
            raise item_not_found()
        return found

    def message(self, name: str) -> Message:
        """Finds a message by either of its ids."""
        found = self.messages.get(self.changing.get(name, name))
        if found is None:
            raise item_not_found()
        return found

    def add(
        self, content: Content, folder: Folder, received: datetime, *, draft: bool = False, read: bool = False
    ) -> Message:
        """Puts a new message into a folder."""
        stamp = moments.spell(received)
        properties = content.properties | {
            "createdDateTime": stamp,
            "lastModifiedDateTime": stamp,
            "receivedDateTime": stamp,
            "categories": [],
            "isRead": read or draft,
            "isDraft": draft,
            "inferenceClassification": "focused",
            "flag": {"flagStatus": "notFlagged"},
        }
        unique = uuid.uuid4().bytes
        # https://learn.microsoft.com/graph/outlook-immutable-id: base64url, case-sensitive, opaque.
        immutable = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A" + base64.urlsafe_b64encode(unique + bytes(2)).decode()
        message = Message(immutable, "", folder, content, properties)
        self.messages[immutable] = message
        self._enter(message, folder)
        self._tell("created", message, new=True)
        return message

    def update(self, message: Message, values: dict[str, Any]) -> None:
        """Changes marks, and on a draft its text."""
        allowed = MARKS | DRAFT_PROPERTIES if message.properties["isDraft"] else MARKS
        unknown = values.keys() - allowed
        if unknown:
            raise GraphError(400, "ErrorInvalidPropertySet", f"Not settable: {', '.join(sorted(unknown))}.")
        before = message.properties
        message.properties = before | values | {"lastModifiedDateTime": moments.spell(moments.now())}
        self._touch(message)
        self._tell("updated", message, before)

    def move(self, message: Message, folder: Folder, *, announce_leaving: bool = True) -> None:
        """Moves a message; others see it deleted and created."""
        if announce_leaving:
            self._tell("deleted", message)
        self._leave(message)
        message.properties = message.properties | {"lastModifiedDateTime": moments.spell(moments.now())}
        self._enter(message, folder)
        self._tell("created", message)

    def remove(self, message: Message) -> None:
        """Deletes a message for good."""
        self._tell("deleted", message)
        self._leave(message)
        del self.messages[message.immutable_id]

    def create_folder(self, name: str, parent: str = ROOT) -> Folder:
        """Makes a folder; its name is unique below its parent."""
        above = self.folder(parent)
        if any(folder.parent == above.id and folder.name.lower() == name.lower() for folder in self.folders.values()):
            raise GraphError(409, "ErrorFolderExists", "A folder with the specified name already exists.")
        folder = Folder(folder_id(self.id, uuid.uuid4().hex), name, above.id)
        self._add_folder(folder)
        return folder

    def rename_folder(self, folder: Folder, name: str) -> None:
        """Gives a folder another display name."""
        folder.name = name
        self._touch_folder(folder)

    def remove_folder(self, folder: Folder) -> None:
        """Deletes a folder that somebody made, with what is in it."""
        if folder.well_known:
            raise GraphError(400, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")
        for child in self.children(folder):
            self.remove_folder(child)
        for immutable in list(folder.messages):
            self.remove(self.messages[immutable])
        del self.folders[folder.id]
        self._touch_folder(folder)

    def children(self, folder: Folder) -> list[Folder]:
        """The folders directly below a folder."""
        return [child for child in self.folders.values() if child.parent == folder.id]

    def _add_folder(self, folder: Folder) -> None:
        self.folders[folder.id] = folder
        if folder.well_known:
            self._known[folder.well_known] = folder
        self._touch_folder(folder)

    def _touch_folder(self, folder: Folder) -> None:
        self.sequence += 1
        folder.sequence = self.sequence
        self.folder_changes.pop(folder.id, None)
        self.folder_changes[folder.id] = self.sequence

    def _touch(self, message: Message) -> None:
        self.sequence += 1
        message.version = self.sequence
        changes = message.folder.changes
        # Taken out first, so that the dictionary stays in the order of the changes.
        changes.pop(message.immutable_id, None)
        changes[message.immutable_id] = (self.sequence, message.changing_id)

    def _enter(self, message: Message, folder: Folder) -> None:
        message.folder = folder
        unique = base64.urlsafe_b64encode(uuid.uuid4().bytes * 2 + bytes(1)).decode()
        message.changing_id = f"AAMkAD{unique}AAA="
        self.changing[message.changing_id] = message.immutable_id
        self._touch(message)
        folder.messages.add(message.immutable_id)
        folder.arrivals[message.immutable_id] = self.sequence

    def _leave(self, message: Message) -> None:
        self._touch(message)
        message.folder.messages.discard(message.immutable_id)
        message.folder.arrivals.pop(message.immutable_id, None)
        self.changing.pop(message.changing_id, None)

    def _tell(self, kind: str, message: Message, before: dict[str, Any] | None = None, *, new: bool = False) -> None:
        if self.listener is not None:
            change = Change(kind, message, message.folder, message.changing_id, message.etag, before, new)
            self.listener(self, change)
