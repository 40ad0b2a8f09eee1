"""Opens mailboxes: whether we may, and which folders they have."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from shared.adapters.graph import batch
from shared.adapters.graph.client import GraphClient, Request
from shared.adapters.graph.errors import NOT_FOUND, content
from shared.adapters.graph.slots import Slots
from shared.adapters.graph.users import user_path
from shared.domain.folders import INBOX, FolderTree, build
from shared.domain.mailboxes import Registration, mailbox_key
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Clock

# The archive comes last, since a mailbox may lack one, and what follows a failure has to be asked for again.
# https://learn.microsoft.com/graph/api/resources/mailfolder
_WELL_KNOWN = {
    "inbox": INBOX,
    "drafts": "\\Drafts",
    "sentitems": "\\Sent",
    "deleteditems": "\\Trash",
    "junkemail": "\\Junk",
    "archive": "\\Archive",
}
_ROOT = "msgfolderroot"
_SELECT = "$select=id,displayName,parentFolderId"


class GraphMailboxes:
    """Opens mailboxes through *client*."""

    def __init__(self, client: GraphClient, clock: Clock, slots: Slots) -> None:
        self._client = client
        self._clock = clock
        self._slots = slots

    def probe(self, app: OAuth2App, user: str, registration: Registration | None = None) -> FolderTree:
        """Returns the mailbox's folder tree; raises MailboxRefused or TryLater."""
        del registration
        with self._slots.alone(mailbox_key(app, user)):
            return self._probe(app, user, self._clock.now())

    def _probe(self, app: OAuth2App, user: str, now: datetime) -> FolderTree:
        # Delta is the one listing that is flat: child folders would cost a call for each folder that has some.
        # https://learn.microsoft.com/graph/api/mailfolder-delta
        names = [_ROOT, "delta", *_WELL_KNOWN]
        paths = [f"{user_path(user)}/mailFolders/{name}?{_SELECT}" for name in names]
        root, first, *well_known = batch.get_in_turn(self._client, app, paths, now)
        special: dict[str, str] = {}
        found: list[dict[str, Any]] = []
        for use, answer in zip(_WELL_KNOWN.values(), well_known, strict=True):
            # A mailbox without an archive is in order, one without an inbox is not.
            if answer.status == NOT_FOUND and use != INBOX:
                continue
            folder = content(answer, now)
            special[folder["id"]] = use
            found.append(folder)
        found += self._pages(app, content(first, now), now)
        return _tree(found, special, root=content(root, now)["id"])

    def _pages(self, app: OAuth2App, page: dict[str, Any], now: datetime) -> Iterator[dict[str, Any]]:
        yield from page.get("value") or ()
        while link := page.get("@odata.nextLink"):
            page = content(self._client.send(app, Request("GET", link)), now)
            yield from page.get("value") or ()


def _tree(folders: list[dict[str, Any]], special: dict[str, str], *, root: str) -> FolderTree:
    # The root may be listed as well, and no path begins with its name.
    known = {folder["id"]: folder for folder in folders if "@removed" not in folder and folder["id"] != root}
    return build(
        names={key: folder.get("displayName") or "" for key, folder in known.items()},
        parents={key: folder.get("parentFolderId") or "" for key, folder in known.items()},
        special=special,
    )
