"""Mail folders: the default ones with their display names in the mailbox's language, and those that people make."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

#: Well-known name to display name. https://learn.microsoft.com/graph/api/resources/mailfolder
ENGLISH = {
    "inbox": "Inbox",
    "drafts": "Drafts",
    "sentitems": "Sent Items",
    "deleteditems": "Deleted Items",
    "junkemail": "Junk Email",
    "archive": "Archive",
    "outbox": "Outbox",
    "conversationhistory": "Conversation History",
}
LANGUAGES = {
    "en": ENGLISH,
    "de": {
        "inbox": "Posteingang",
        "drafts": "Entwürfe",
        "sentitems": "Gesendete Elemente",
        "deleteditems": "Gelöschte Elemente",
        "junkemail": "Junk-E-Mail",
        "archive": "Archiv",
        "outbox": "Postausgang",
        "conversationhistory": "Verlauf der Unterhaltung",
    },
    "et": {
        "inbox": "Sisendkaust",
        "drafts": "Mustandid",
        "sentitems": "Saadetud üksused",
        "deleteditems": "Kustutatud üksused",
        "junkemail": "Rämpspost",
        "archive": "Arhiiv",
        "outbox": "Väljundkaust",
        "conversationhistory": "Vestluste ajalugu",
    },
}
ROOT = "msgfolderroot"


@dataclass(slots=True, eq=False)
class Folder:
    """A folder, and the order in which its messages changed, which is what delta reads."""

    id: str
    name: str
    parent: str
    well_known: str | None = None
    sequence: int = 0
    #: Immutable ids of the messages that lie here now.
    messages: set[str] = field(default_factory=set)
    #: Immutable id to (sequence, changing id) of the last change, oldest first; a message that left stays.
    changes: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: Sequence at which a message came here.
    arrivals: dict[str, int] = field(default_factory=dict)

    def resource(self, *, children: int, unread: int, size: int) -> dict[str, Any]:
        """The folder as Graph shows it."""
        return {
            "id": self.id,
            "displayName": self.name,
            "parentFolderId": self.parent,
            "childFolderCount": children,
            "unreadItemCount": unread,
            "totalItemCount": len(self.messages),
            "sizeInBytes": size,
            "isHidden": False,
        }


def folder_id(mailbox: str, name: str) -> str:
    """A folder's id, which stays the same with and without immutable ids."""
    digest = hashlib.sha256(f"{mailbox}/{name}".encode()).digest()
    return f"AAMkADFolder{base64.urlsafe_b64encode(digest + bytes(1)).decode()}AAA="


def default_folders(mailbox: str, language: str) -> list[Folder]:
    """The folders that every mailbox is born with; the root comes first."""
    root = Folder(folder_id(mailbox, ROOT), "Top of Information Store", folder_id(mailbox, "store"), ROOT)
    names = LANGUAGES.get(language, ENGLISH)
    return [root, *(Folder(folder_id(mailbox, known), names[known], root.id, known) for known in ENGLISH)]
