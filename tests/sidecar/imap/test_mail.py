"""Messages of a real server: finding, fetching, changing, moving and adding them."""

import asyncio
from datetime import UTC, datetime

from sidecar.imap import mail as messages
from sidecar.imap.connection import Connection
from sidecar.imap.errors import Code, Refusal
from sidecar.imap.folders import open_folder
from tests.fakes.imap_script import scripted
from tests.fakes.mail_server import MailServer, mail
from tests.sidecar.conftest import Connect

AT = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_messages_are_added_and_found(mail_server: MailServer, connect: Connect) -> None:
    """A message that is appended keeps its moment and flags; the server says where it went."""

    async def run() -> None:
        async with connect(mail_server.mailbox()) as connection:
            placed = await messages.append(connection, "INBOX", mail(), flags=["\\Seen", "$MDNSent"], at=AT)
            opened = await open_folder(connection, "INBOX")
            assert placed == messages.Placed(opened.uidvalidity, 1)
            (brief,) = await messages.fetch_brief(connection, [1])
            assert (brief.uid, brief.received, brief.size) == (1, AT, len(mail()))
            assert {"\\Seen", "$MDNSent"} <= (brief.flags or set())

    asyncio.run(run())


def test_long_searches_go_in_windows() -> None:
    """Where one line could not hold all UIDs they are searched for in windows, the last of which has no end."""

    async def run() -> tuple[list[int], list[bytes]]:
        answers = {
            b"UID SEARCH UID 1:200000": b"* SEARCH 5 7\r\n%s OK\r\n",
            b"UID SEARCH": b"* ESEARCH UID ALL 200001:200002\r\n%s OK\r\n",
        }
        async with scripted(answers) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            found = await messages.search_all(connection, exists=200_001, below=200_003)
            connection.abort()
            return found, script.heard

    found, heard = asyncio.run(run())
    assert found == [5, 7, 200_001, 200_002]
    assert [line.partition(b" ")[2] for line in heard] == [b"UID SEARCH UID 1:200000", b"UID SEARCH UID 200001:*"]


def test_the_last_messages_are_found_from_the_end() -> None:
    """The highest UIDs are searched for in windows that widen downwards, and no further than needed."""

    async def run() -> tuple[list[int], list[int], list[bytes]]:
        answers = {
            b"UID SEARCH UID 999:1000": b"* SEARCH 1000\r\n%s OK\r\n",
            b"UID SEARCH UID 983:998": b"* SEARCH\r\n%s OK\r\n",
            b"UID SEARCH UID 855:982": b"* SEARCH 860 870 900\r\n%s OK\r\n",
            b"UID SEARCH": b"* SEARCH 2\r\n%s OK\r\n",
        }
        async with scripted(answers) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            last = await messages.search_last(connection, exists=5, uidnext=1001, limit=2)
            rest = await messages.search_last(connection, exists=5, uidnext=1001, limit=2, below=3)
            assert await messages.search_last(connection, exists=0, uidnext=1001, limit=2) == []
            connection.abort()
            return last, rest, script.heard

    last, rest, heard = asyncio.run(run())
    assert (last, rest) == ([1000, 900], [2])
    assert heard[-1].endswith(b"UID SEARCH UID 1:2")


def test_many_messages_are_fetched_in_bulks() -> None:
    """Many messages are named by few runs, and fetched some thousand at a time."""

    async def run() -> list[bytes]:
        async with scripted({}) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            await messages.fetch_brief(connection, [*range(1, 6001), *range(7000, 8000, 2)])
            connection.abort()
            return [line.split()[3] for line in script.heard]

    first, second, third = asyncio.run(run())
    assert first == b"1:5000"
    assert second.startswith(b"5001:6000,7000,7002,")
    assert third == b"7998"


def test_later_lines_win() -> None:
    """A change that the server tells while it answers is what a message is like now."""

    async def run() -> messages.Brief:
        answer = b"* 1 FETCH (UID 4 FLAGS () RFC822.SIZE 9)\r\n* 1 FETCH (UID 4 FLAGS (\\Seen))\r\n%s OK\r\n"
        async with scripted({b"UID FETCH": answer}) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            (brief,) = await messages.fetch_new(connection, 4)
            connection.abort()
            return brief

    assert asyncio.run(run()) == messages.Brief(1, 4, frozenset({"\\Seen"}), None, 9)


def test_nothing_new_is_nothing(mail_server: MailServer, connect: Connect) -> None:
    """Asking from the next UID on brings nothing, although the server names its last message then."""
    box = mail_server.mailbox()
    mail_server.dovecot.deliver(box, mail())

    async def run() -> None:
        async with connect(box) as connection:
            await open_folder(connection, "INBOX")
            assert await messages.search_all(connection, exists=1, below=2) == [1]
            assert await messages.fetch_new(connection, 2) == []
            assert [brief.uid for brief in await messages.fetch_new(connection, 1)] == [1]
            assert await messages.fetch_outline(connection, 2) == {}

    asyncio.run(run())


def test_content_comes_capped_and_in_slices(mail_server: MailServer, connect: Connect) -> None:
    """A part is fetched up to a limit; the whole message comes in slices, byte for byte, and stays unread."""
    box = mail_server.mailbox()
    long = mail(body="0123456789abcdef\r\n" * 40_000)
    mail_server.dovecot.append(box, long)

    async def run() -> None:
        async with connect(box) as connection:
            await open_folder(connection, "INBOX")
            assert await messages.fetch_parts(connection, 1, ["1"], 10) == {"1": b"0123456789"}
            slices = [piece async for piece in messages.stream(connection, 1)]
            assert b"".join(slices) == long
            assert max(map(len, slices)) <= 256 * 1024
            outline = await messages.fetch_outline(connection, 1)
            assert outline[b"BODY[HEADER]"].startswith(b"From: Sender")
            assert outline[b"BODYSTRUCTURE"][0] == b"text"
            assert b"\\Seen" not in outline[b"FLAGS"]
            assert [piece async for piece in messages.stream(connection, 99)] == []

    asyncio.run(run())


def test_messages_are_changed_and_moved(mail_server: MailServer, connect: Connect) -> None:
    """Flags are set and cleared, a message is moved with and without MOVE, and removed for good, alone."""
    box = mail_server.mailbox()
    for _ in range(4):
        mail_server.dovecot.deliver(box, mail())

    async def run() -> None:
        async with connect(box) as connection:
            await open_folder(connection, "INBOX", writable=True)
            await messages.store_flags(connection, [1, 2], add=["\\Seen", "\\Flagged"])
            await messages.store_flags(connection, [1], remove=["\\Flagged"], add=["\\Deleted"])
            flags = {
                brief.uid: (brief.flags or frozenset()) - {"\\Recent"}
                for brief in await messages.fetch_brief(connection, [1, 2])
            }
            assert flags[1] == {"\\Seen", "\\Deleted"}
            assert flags[2] == {"\\Seen", "\\Flagged"}
            moved = await messages.move(connection, 2, "Archive")
            connection.capabilities -= {"MOVE"}
            copied = await messages.move(connection, 3, "Archive")
            assert await messages.delete(connection, 4, None) is None
            assert moved
            assert copied
            assert (moved.uid, copied.uid) == (1, 2)
            assert await messages.search_all(connection, exists=1, below=5) == [1]

    asyncio.run(run())
    assert mail_server.dovecot.uids(box, "Archive") == [1, 2]


def test_deleted_messages_go_to_the_trash(mail_server: MailServer, connect: Connect) -> None:
    """A message that is deleted lies in the trash, unless it is removed for good."""
    box = mail_server.mailbox()
    mail_server.dovecot.deliver(box, mail())

    async def run() -> None:
        async with connect(box) as connection:
            await open_folder(connection, "INBOX", writable=True)
            placed = await messages.delete(connection, 1, "Deleted Items")
            assert placed
            assert placed.uid == 1

    asyncio.run(run())
    assert (mail_server.dovecot.uids(box), mail_server.dovecot.uids(box, "Deleted Items")) == ([], [1])


def test_append_waits_where_it_must() -> None:
    """A server without LITERAL+ is asked before the message is sent, and its refusal is told."""

    async def run() -> tuple[Code, list[bytes]]:
        async with scripted({b"APPEND": b"%s NO [OVERQUOTA] Mailbox is full\r\n"}) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            try:
                await messages.append(connection, "Sent Items", mail())
            except Refusal as refused:
                return refused.code, script.heard
            finally:
                connection.abort()
        raise AssertionError

    code, heard = asyncio.run(run())
    assert code is Code.OVER_QUOTA
    assert heard == [b'R1 APPEND "Sent Items" () {%d}' % len(mail())]
