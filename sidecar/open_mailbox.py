"""A mailbox that is open, and everything that can be done with it, in the words of our ids and paths."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from shared.domain.errors import NotFound
from shared.domain.folders import Folder, FolderTree
from shared.domain.imap_ids import ImapPlace, folder_id, message_id, place_of
from shared.domain.messages import Message
from shared.ports.mail import MessagePage
from shared.ports.microsoft365 import NotThere
from sidecar.imap import mail
from sidecar.imap.connection import Connection
from sidecar.imap.errors import Code, Refusal
from sidecar.imap.folders import (
    SENT,
    TRASH,
    ImapFolder,
    Opened,
    create_folder,
    delete_folder,
    list_folders,
    open_folder,
)
from sidecar.reading import read_brief, read_message, read_outlines

_GONE = "The mailbox has no such message: it was moved, or removed."


class OpenMailbox:
    """The mailbox behind *connection*; what it raises besides NotFound is a Refusal."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._folders: list[ImapFolder] = []

    async def read(self, message: str, *, complete: bool, text_bytes: int) -> Message | NotThere:
        """Returns a message, whole or what tells whether it changed."""
        place = place_of(message)
        if place is None or not await self._enter(place):
            return NotThere()
        if complete:
            return await read_message(self.connection, place, text_bytes=text_bytes)
        return await read_brief(self.connection, place)

    async def tree(self) -> FolderTree:
        """Returns the folders as they are now."""
        self._folders = await list_folders(self.connection)
        return FolderTree(
            folders={folder_id(each.path): Folder(path=each.path, special_use=each.role) for each in self._folders}
        )

    async def page(self, folder: str, *, limit: int, below: int | None) -> MessagePage:
        """Returns the newest messages of a folder, those with UIDs *below* one; their texts are not read."""
        opened = await open_folder(self.connection, folder)
        newest = await mail.search_last(
            self.connection, exists=opened.exists, uidnext=opened.uidnext, limit=limit + 1, below=below
        )
        shown = newest[:limit]
        places = [ImapPlace(folder_id(folder), opened.uidvalidity, uid) for uid in shown]
        messages = await read_outlines(self.connection, places)
        more = str(shown[-1]) if len(newest) > limit else None
        return MessagePage(messages, opened.exists, more)

    async def flag(self, message: str, *, add: Collection[str], remove: Collection[str]) -> None:
        """Sets and clears flags of a message."""
        place = await self._seize(message)
        await mail.store_flags(self.connection, [place.uid], add=add, remove=remove)

    async def move(self, message: str, folder: str) -> str | None:
        """Moves a message and returns its new id."""
        place = await self._seize(message)
        return _id(folder, await mail.move(self.connection, place.uid, folder))

    async def delete(self, message: str, *, for_good: bool) -> str | None:
        """Moves a message to the trash, or removes it where it is there, or there is none."""
        place = await self._seize(message)
        trash = None if for_good else await self._role(TRASH)
        if trash is not None and folder_id(trash) == place.folder:
            trash = None
        placed = await mail.delete(self.connection, place.uid, trash)
        return _id(trash, placed) if trash is not None else None

    async def append(
        self, folder: str, message: bytes, *, flags: Collection[str] = (), received: datetime | None = None
    ) -> str | None:
        """Adds a message to a folder and returns its id."""
        return _id(folder, await mail.append(self.connection, folder, message, flags=flags, at=received))

    async def keep_sent(self, message: bytes) -> str | None:
        """Puts a copy of a message that was sent into the sent items; raises NotFound where there are none."""
        sent = await self._role(SENT)
        if sent is None:
            raise NotFound("The mailbox has no folder for sent items.")
        return await self.append(sent, message, flags=["\\Seen"])

    async def make_folder(self, path: str) -> None:
        """Makes a folder."""
        await create_folder(self.connection, path)

    async def remove_folder(self, path: str) -> None:
        """Removes a folder with its mail."""
        await delete_folder(self.connection, path)

    async def _seize(self, message: str) -> ImapPlace:
        """Opens the folder of a message for writing; raises NotFound where the message is not there."""
        place = place_of(message)
        if place is None or not await self._enter(place, writable=True):
            raise NotFound(_GONE)
        if not await mail.is_listed(self.connection, place.uid):
            raise NotFound(_GONE)
        return place

    async def _enter(self, place: ImapPlace, *, writable: bool = False) -> bool:
        """Opens the folder of *place*, and tells whether it is there and numbered as it was."""
        opened = await self._open(place.folder, writable=writable)
        return opened is not None and opened.uidvalidity == place.uidvalidity

    async def _open(self, folder: str, *, writable: bool) -> Opened | None:
        # What the list does not show, or shows no longer, is looked up once more.
        for _ in range(2):
            found = await self._find(lambda each: folder_id(each.path) == folder)
            if found is None:
                return None
            try:
                return await open_folder(self.connection, found, writable=writable)
            except Refusal as refused:
                if refused.code is not Code.NO_FOLDER:
                    raise
                self._folders = []
        return None

    async def _role(self, role: str) -> str | None:
        return await self._find(lambda each: each.role == role)

    async def _find(self, wanted: Callable[[ImapFolder], bool]) -> str | None:
        found = _first(self._folders, wanted)
        if found is None:
            self._folders = await list_folders(self.connection)
            found = _first(self._folders, wanted)
        return found


def _first(folders: Sequence[ImapFolder], wanted: Callable[[ImapFolder], bool]) -> str | None:
    return next((each.path for each in folders if each.selectable and wanted(each)), None)


def _id(folder: str, placed: mail.Placed | None) -> str | None:
    return None if placed is None else message_id(folder_id(folder), placed.uidvalidity, placed.uid)
