"""A mailbox that is open, while others change it."""

import asyncio

from shared.domain.imap_ids import folder_id, message_id
from shared.domain.messages import Message
from shared.ports.microsoft365 import NotThere
from sidecar.imap.connection import Connection
from sidecar.open_mailbox import OpenMailbox
from tests.fakes.imap_script import scripted
from tests.fakes.mail_server import MailServer, mail
from tests.sidecar.conftest import Connect


def test_folders_come_and_go_while_it_is_open(mail_server: MailServer, connect: Connect) -> None:
    """A folder that was made after the list was read is found; a message of one that was removed is not there."""
    box, dovecot = mail_server.mailbox(), mail_server.dovecot

    async def run() -> None:
        async with connect(box) as connection:
            mailbox = OpenMailbox(connection)
            await mailbox.tree()
            await asyncio.to_thread(dovecot.create_folder, box, "Young")
            await asyncio.to_thread(dovecot.append, box, mail("Young"), "Young")
            (listed,) = (await mailbox.page("Young", limit=1, below=None)).messages
            read = await mailbox.read(listed.id, complete=True, text_bytes=1000)
            assert isinstance(read, Message)
            assert (read.subject, read.folder) == ("Young", folder_id("Young"))
            await asyncio.to_thread(dovecot.delete_folder, box, "Young")
            assert await mailbox.read(listed.id, complete=True, text_bytes=1000) == NotThere()
            assert await mailbox.read("nobody made this id", complete=True, text_bytes=1000) == NotThere()

    asyncio.run(run())


def test_one_broken_message_spoils_no_page() -> None:
    """Where the server cannot tell the structure of one message, the page shows all, that one with what it has."""
    header = b'INTERNALDATE "02-Jan-2026 03:04:05 +0000" RFC822.SIZE 99 BODY[HEADER] {14}\r\nSubject: %b\r\n\r\n)\r\n'
    answers = {
        b"EXAMINE": b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 3] x\r\n%s OK\r\n",
        b"UID SEARCH": b"* SEARCH 1 2\r\n%s OK\r\n",
        b"UID FETCH 1:2": b"%s NO Cannot show these.\r\n",
        b"UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE BODYS": b"%s NO Cannot show this.\r\n",
        b"UID FETCH 1": b"* 1 FETCH (UID 1 FLAGS () " + header % b"1" + b"%s OK\r\n",
        b"UID FETCH 2": b"* 2 FETCH (UID 2 FLAGS () " + header % b"2" + b"%s OK\r\n",
    }

    async def run() -> list[tuple[str, str]]:
        async with scripted(answers) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            page = await OpenMailbox(connection).page("INBOX", limit=2, below=None)
            connection.abort()
            return [(message.id, message.subject) for message in page.messages]

    inbox = folder_id("INBOX")
    assert asyncio.run(run()) == [(message_id(inbox, 7, 2), "2"), (message_id(inbox, 7, 1), "1")]
