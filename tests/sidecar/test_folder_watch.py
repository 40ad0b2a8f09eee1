"""Watching a folder: nothing is missed, nothing is false, nothing comes twice; a real server decides."""

import asyncio
import random
from collections.abc import Iterable

import pytest

from shared.domain.mirrors import Arrived, Find, Gone, Mirror, Reflagged, Reset, Seen, baseline, bits
from sidecar.folder_watch import FolderWatch
from sidecar.imap import mail as messages
from sidecar.imap.connection import Connection
from sidecar.imap.errors import Refusal
from sidecar.imap.folders import open_folder
from tests.fakes.imap_script import scripted
from tests.fakes.mail_server import MailServer, mail
from tests.sidecar.conftest import Connect
from tests.sidecar.ground import until

FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "$MDNSent")


class Listener:
    """Somebody who knows of a folder only what he is told, and complains of what cannot be."""

    def __init__(self) -> None:
        self.folder: dict[int, int] = {}
        self.heard: list[Find] = []

    def hear(self, finds: Iterable[Find]) -> None:
        """Follow the finds."""
        for find in finds:
            self.heard.append(find)
            if isinstance(find, Arrived):
                assert find.uid not in self.folder
                self.folder[find.uid] = find.flags
            elif isinstance(find, Gone):
                assert self.folder.pop(find.uid) == find.flags
            elif isinstance(find, Reflagged):
                assert self.folder[find.uid] == find.former != find.flags
                self.folder[find.uid] = find.flags


class Colleague:
    """Somebody else with the same mailbox open, who does one thing after the other."""

    def __init__(self, connection: Connection, chance: random.Random) -> None:
        self.connection = connection
        self.chance = chance

    async def uids(self) -> dict[int, int]:
        """Return the folder as it is: flags by UID."""
        await self.connection.run(b"NOOP")
        briefs = await messages.fetch_new(self.connection, 1)
        return {brief.uid: bits(brief.flags or ()) for brief in briefs if brief.uid}

    async def act(self) -> None:
        """Add, remove, move or flag something."""
        uids = sorted(await self.uids())
        act = self.chance.choice(
            ["append", "append", "append", "flag", "flag", "flag", "expunge", "expunge", "move", "back"]
        )
        if act == "append" or not uids:
            flags = self.chance.sample(FLAGS, self.chance.randint(0, 2))
            await messages.append(self.connection, "INBOX", mail(body="x" * self.chance.randint(1, 99)), flags=flags)
        elif act == "flag":
            some = self.chance.sample(uids, min(len(uids), self.chance.randint(1, 3)))
            await messages.store_flags(
                self.connection, some, add=[self.chance.choice(FLAGS)], remove=[self.chance.choice(FLAGS)]
            )
        elif act == "expunge":
            for uid in self.chance.sample(uids, min(len(uids), self.chance.randint(1, 3))):
                await messages.expunge(self.connection, uid)
        elif act == "move":
            await messages.move(self.connection, self.chance.choice(uids), "Archive")
        else:
            moved = await messages.move(self.connection, self.chance.choice(uids), "Archive")
            await open_folder(self.connection, "Archive", writable=True)
            if moved:
                await messages.move(self.connection, moved.uid, "INBOX")
            await open_folder(self.connection, "INBOX", writable=True)


@pytest.mark.parametrize("seed", [1, 3, 6])
def test_nothing_is_missed_false_or_told_twice(mail_server: MailServer, connect: Connect, seed: int) -> None:
    """Whatever a second session does, while we listen and while we do not, the finds lead to the folder as it is."""
    # Who listens has a chance of his own, so that what the other does follows from the seed alone.
    chance, patience = random.Random(seed), random.Random(seed)  # noqa: S311  test data
    box, listener = mail_server.mailbox(), Listener()

    async def listen(watch: FolderWatch) -> None:
        while True:
            await watch.idle(patience.choice([0.01, 0.05, 0.6]))
            listener.hear((await watch.refresh()).finds)

    async def run() -> None:
        mirror: Mirror | None = None
        async with connect(box) as theirs:
            await open_folder(theirs, "INBOX", writable=True)
            colleague = Colleague(theirs, chance)
            for _ in range(6):
                async with connect(box) as ours:
                    watch = FolderWatch(ours, "INBOX", mirror)
                    listener.hear((await watch.open()).finds)
                    assert listener.folder == await colleague.uids()
                    listening = asyncio.create_task(listen(watch))
                    for _ in range(chance.randint(5, 20)):
                        await colleague.act()
                        await asyncio.sleep(chance.choice([0, 0.02, 0.1]))
                    watch.interrupt()
                    await asyncio.sleep(0.05)
                    if chance.random() < 0.5:
                        there = set(await colleague.uids())
                        await until(lambda there=there: set(listener.folder) == there)
                    listening.cancel()
                    await asyncio.gather(listening, return_exceptions=True)
                    mirror = watch.mirror
                for _ in range(chance.randint(0, 12)):
                    await colleague.act()
            async with connect(box) as ours:
                listener.hear((await FolderWatch(ours, "INBOX", mirror).open()).finds)
            assert listener.folder == await colleague.uids()

    asyncio.run(run())
    assert len(listener.heard) > 20


def test_first_look_is_silent(mail_server: MailServer, connect: Connect) -> None:
    """A folder that is new to us brings no finds, and a mirror that is up to date; later mail is an arrival."""
    box = mail_server.mailbox()
    mail_server.dovecot.deliver(box, mail())

    async def run() -> None:
        async with connect(box) as connection:
            watch = FolderWatch(connection, "INBOX", None)
            first = await watch.open()
            assert (first.finds, list(first.mirror.uids), first.mirror.uidnext, first.mirror.changes) == ((), [1], 2, 0)
            listening = asyncio.create_task(watch.idle(60))
            await asyncio.to_thread(mail_server.dovecot.deliver, box, mail())
            await listening
            found = await watch.refresh()
            (arrived,) = found.finds
            assert isinstance(arrived, Arrived)
            assert (arrived.uid, found.mirror.changes) == (2, 1)
            assert arrived.fingerprint == found.mirror.prints[1] != 0

    asyncio.run(run())


def test_new_numbering_is_one_reset(mail_server: MailServer, connect: Connect) -> None:
    """A folder with another UIDVALIDITY brings one Reset and a new baseline."""
    box = mail_server.mailbox()
    mail_server.dovecot.deliver(box, mail())

    async def run() -> None:
        async with connect(box) as connection:
            before = await FolderWatch(connection, "INBOX", None).open()
        mail_server.dovecot.reset_uidvalidity(box, 4242)
        mail_server.dovecot.deliver(box, mail())
        async with connect(box) as connection:
            after = await FolderWatch(connection, "INBOX", before.mirror).open()
            assert after.finds == (Reset(before.mirror.uidvalidity),)
            assert (after.mirror.uidvalidity, len(after.mirror.uids), after.mirror.changes) == (4242, 2, 1)

    asyncio.run(run())


def test_a_move_keeps_its_fingerprint(mail_server: MailServer, connect: Connect) -> None:
    """A message that is moved goes here and comes there with the same fingerprint."""
    box = mail_server.mailbox()
    mail_server.dovecot.append(box, mail())

    async def run() -> None:
        async with connect(box) as connection:
            inbox, archive = FolderWatch(connection, "INBOX", None), FolderWatch(connection, "Archive", None)
            await inbox.open()
            await archive.open()
            await asyncio.to_thread(mail_server.dovecot.move, box, 1, "INBOX", "Archive")
            (went,) = (await inbox.open()).finds
            (came,) = (await archive.open()).finds
            assert isinstance(went, Gone)
            assert isinstance(came, Arrived)
            assert went.fingerprint == came.fingerprint != 0

    asyncio.run(run())


def test_flags_nobody_told_are_found_by_a_scan(mail_server: MailServer, connect: Connect) -> None:
    """Where the server tells no flags while we listen, reading them again finds what changed."""
    box = mail_server.mailbox()
    for _ in range(3):
        mail_server.dovecot.deliver(box, mail())

    async def run() -> None:
        async with connect(box) as connection:
            watch = FolderWatch(connection, "INBOX", None)
            await watch.open()
            await asyncio.to_thread(mail_server.dovecot.flag, box, 1, "\\Seen")
            await asyncio.to_thread(mail_server.dovecot.flag, box, 3, "\\Flagged")
            finds = (await watch.scan(newest=None)).finds
            assert finds == (Reflagged(1, 1, 0, "0-1"), Reflagged(3, 4, 0, "0-4"))
            assert (await watch.scan()).finds == ()

    asyncio.run(run())


def test_message_that_cannot_be_fetched_is_told_once() -> None:
    """A message that the server counts and does not show arrives once, and keeps the places of the others right."""
    answers = {
        b"AUTHENTICATE": b"%s OK [CAPABILITY IMAP4rev1 IDLE] in\r\n",
        b"EXAMINE": b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 9] n\r\n%s OK open\r\n",
        b"UID SEARCH ALL": b"* SEARCH 5 8\r\n%s OK done\r\n",
        b"UID FETCH": b"* 1 FETCH (UID 5 FLAGS () RFC822.SIZE 9)\r\n%s OK\r\n",
        b"IDLE": b"+ idling\r\n",
        b"DONE": b"%s OK over\r\n",
    }

    async def run() -> None:
        async with scripted(answers) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            watch = FolderWatch(connection, "INBOX", None)
            opened = await watch.open()
            assert list(opened.mirror.uids) == [5, 8]
            assert (await watch.refresh()).finds == ()
            script.say(b"* 1 EXPUNGE\r\n* 1 FETCH (FLAGS (\\Seen))\r\n")
            await watch.idle(60)
            finds = (await watch.refresh()).finds
            assert [(type(find), getattr(find, "uid", 0)) for find in finds] == [(Gone, 5), (Reflagged, 8)]
            connection.abort()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("during", "uids", "flags"),
    [
        (b"* 2 EXPUNGE\r\n* 2 EXISTS\r\n", [5, 7], [0, 0]),
        (b"* 2 FETCH (FLAGS (\\Seen))\r\n", [5, 6], [0, 1]),
    ],
    ids=["it goes and another comes", "it is read"],
)
def test_what_happens_to_mail_that_is_being_fetched(during: bytes, uids: list[int], flags: list[int]) -> None:
    """What a message meets between being shown and being known is not lost."""
    answers = {
        b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 6] n\r\n%s OK open\r\n",
        b"UID FETCH 6:* ": [b"%s OK\r\n", b"* 2 FETCH (UID 6 FLAGS ())\r\n" + during + b"%s OK\r\n"],
        b"UID FETCH 7:* ": b"* 2 FETCH (UID 7 FLAGS ())\r\n%s OK\r\n",
        b"UID FETCH 5:6 (UID FLAGS)": b"* 2 FETCH (UID 6 FLAGS (\\Seen))\r\n%s OK\r\n",
        b"UID SEARCH ALL": b"* SEARCH 5 7\r\n%s OK done\r\n",
        b"NOOP": b"* 2 EXISTS\r\n%s OK\r\n",
    }
    known = baseline("INBOX", 7, 6, [Seen(5, 0)])

    async def run() -> Mirror:
        async with scripted(answers) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            watch = FolderWatch(connection, "INBOX", known)
            await watch.open()
            await connection.run(b"NOOP")
            mirror = (await watch.refresh()).mirror
            connection.abort()
            return mirror

    mirror = asyncio.run(run())
    assert (list(mirror.uids), list(mirror.flags)) == (uids, flags)


def test_lost_connection_loses_nothing(mail_server: MailServer, connect: Connect) -> None:
    """A watch whose connection ends raises, and the next one finds from the last mirror what came in between."""
    box = mail_server.mailbox()

    async def run() -> None:
        async with connect(box) as connection:
            watch = FolderWatch(connection, "INBOX", None)
            mirror = (await watch.open()).mirror
            idling = asyncio.create_task(watch.idle(60))
            await asyncio.sleep(0.1)
            await asyncio.to_thread(mail_server.dovecot.kick, box)
            with pytest.raises(Refusal):
                await idling
        mail_server.dovecot.deliver(box, mail())
        async with connect(box) as connection:
            (arrived,) = (await FolderWatch(connection, "INBOX", mirror).open()).finds
            assert isinstance(arrived, Arrived)

    asyncio.run(run())
