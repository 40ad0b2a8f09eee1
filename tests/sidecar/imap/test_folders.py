"""Folders of a real server, and their special uses."""

import asyncio

import pytest

from sidecar.imap.errors import Code, Refusal
from sidecar.imap.folders import create_folder, delete_folder, folder_status, list_folders, open_folder, with_roles
from sidecar.imap.responses import Listed
from tests.fakes.mail_server import MailServer, mail
from tests.sidecar.conftest import Connect


def test_exchange_folders_have_their_roles(mail_server: MailServer, connect: Connect) -> None:
    """A server that tells no special use has its folders known by their names."""

    async def run() -> dict[str, str | None]:
        async with connect(mail_server.mailbox()) as connection:
            return {folder.path: folder.role for folder in await list_folders(connection)}

    assert asyncio.run(run()) == {
        "INBOX": "\\Inbox",
        "Archive": "\\Archive",
        "Deleted Items": "\\Trash",
        "Drafts": "\\Drafts",
        "Junk Email": "\\Junk",
        "Sent Items": "\\Sent",
    }


def test_said_use_wins_over_a_name() -> None:
    """What the server says of a folder's use wins, and one folder only has each use: the outermost."""
    listed = [
        Listed("INBOX", "/", frozenset()),
        Listed("Gelöschte Elemente", "/", frozenset()),
        Listed("Projekt/Drafts", "/", frozenset()),
        Listed("Entwürfe", "/", frozenset()),
        Listed("Postausgang", "/", frozenset({"\\Sent"})),
        Listed("Sent", "/", frozenset({"\\NoSelect"})),
    ]
    folders = {folder.path: folder for folder in with_roles(listed)}
    assert {path: folder.role for path, folder in folders.items() if folder.role} == {
        "INBOX": "\\Inbox",
        "Gelöschte Elemente": "\\Trash",
        "Entwürfe": "\\Drafts",
        "Postausgang": "\\Sent",
    }
    assert [path for path, folder in folders.items() if not folder.selectable] == ["Sent"]


def test_folders_come_and_go(mail_server: MailServer, connect: Connect) -> None:
    """A folder with any name is made, opened, counted and removed."""
    box, path = mail_server.mailbox(), 'Projekte/R&D "日本" \\'

    async def run() -> None:
        async with connect(box) as connection:
            await create_folder(connection, path)
            await asyncio.to_thread(mail_server.dovecot.append, box, mail(), path)
            assert path in {folder.path for folder in await list_folders(connection)}
            status = await folder_status(connection, path)
            opened = await open_folder(connection, path)
            assert (status.messages, status.uidnext, status.unseen) == (1, 2, 1)
            assert (opened.exists, opened.uidnext, opened.uidvalidity) == (1, 2, status.uidvalidity)
            await open_folder(connection, "INBOX")
            await delete_folder(connection, path)
            with pytest.raises(Refusal) as refused:
                await open_folder(connection, path)
            assert refused.value.code is Code.NO_FOLDER

    asyncio.run(run())
