"""An ear listens to one folder on a real server."""

import asyncio

from sidecar.ear import Ear, Line
from sidecar.imap.connection import Connection
from sidecar.imap.folders import ImapFolder
from sidecar.news import Folder
from tests.fakes.clock import START
from tests.fakes.mail_server import MailServer, mail
from tests.sidecar.conftest import Connect


def ear(connection: Connection) -> Ear:
    """Return an ear at the inbox."""
    return Ear(Line(connection, START), Folder(ImapFolder("INBOX", "/", None), None, None, None))


def uids(listening: Ear) -> list[int]:
    """Return the messages that it knows of."""
    assert listening.folder.now is not None
    return list(listening.folder.now.uids)


def test_an_ear_hears_and_can_be_hushed(mail_server: MailServer, connect: Connect) -> None:
    """What comes ends listening and wakes; hushing ends it at once, and the connection is free for questions."""
    box = mail_server.mailbox()

    async def run() -> None:
        async with connect(box) as connection:
            listening = ear(connection)
            await listening.open()
            woken = asyncio.Event()
            listening.listen(woken.set)
            await asyncio.to_thread(mail_server.dovecot.deliver, box, mail())
            await asyncio.wait_for(woken.wait(), 60)
            await listening.hear()
            assert uids(listening) == [1]
            listening.listen(woken.set)
            await asyncio.wait_for(listening.hush(), 30)
            await connection.run(b"NOOP")

    asyncio.run(run())


def test_an_ear_changes_its_connection(mail_server: MailServer, connect: Connect) -> None:
    """What came while the connection was changed is heard over the new one, and the former one is left."""
    box = mail_server.mailbox()

    async def run() -> None:
        async with connect(box) as first, connect(box) as second:
            listening = ear(first)
            await listening.open()
            listening.listen(asyncio.Event().set)
            await asyncio.to_thread(mail_server.dovecot.deliver, box, mail())
            await listening.change(Line(second, START))
            assert uids(listening) == [1]
            assert first.ended
            assert not second.ended
            await listening.drop()
            assert second.ended

    asyncio.run(run())
