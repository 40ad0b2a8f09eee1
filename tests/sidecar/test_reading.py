"""Reading one message from a real server, however broken it is."""

import asyncio
from email.message import EmailMessage

import pytest

from shared.domain.imap_ids import ImapPlace, folder_id
from shared.domain.messages import Message
from shared.ports.microsoft365 import NotThere
from sidecar.imap.connection import Connection
from sidecar.imap.folders import open_folder
from sidecar.reading import read_brief, read_message
from tests.fakes.imap_script import scripted
from tests.fakes.mail_server import MailServer
from tests.sidecar.conftest import Connect

PLACE = ImapPlace(folder_id("INBOX"), 7, 1)


def a_mail() -> bytes:
    """Return a message with both forms of its text and two attachments."""
    made = EmailMessage()
    made["From"] = "Jüri <juri@example.com>"
    made["To"] = "help@contoso.com"
    made["Subject"] = "Tere, maailm"
    made.set_content("Plain ä\n" * 20)
    made.add_alternative("<p>HTML ä</p>" * 20, subtype="html")
    made.add_attachment(b"%PDF" * 100, maintype="application", subtype="pdf", filename="€ rates.pdf")
    inner = EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("inner")
    made.add_attachment(inner)
    return made.as_bytes()


def read(mail_server: MailServer, connect: Connect, raw: bytes, *, text_bytes: int = 10_000) -> Message:
    """Deliver *raw* and read it."""
    box = mail_server.mailbox()
    mail_server.dovecot.append(box, raw)

    async def run() -> Message:
        async with connect(box) as connection:
            await open_folder(connection, "INBOX")
            message = await read_message(connection, PLACE, text_bytes=text_bytes)
            brief = await read_brief(connection, PLACE)
            assert isinstance(message, Message)
            assert isinstance(brief, Message)
            assert (brief.change_key, brief.received) == (message.change_key, message.received)
            return message

    return asyncio.run(run())


def test_a_message_is_read_whole(mail_server: MailServer, connect: Connect) -> None:
    """Texts, people and attachments come as they were sent, and the message stays unread."""
    message = read(mail_server, connect, a_mail())
    assert message.body
    assert message.alternative
    assert (message.body.kind, message.body.content.strip().splitlines()[0]) == ("plain", "Plain ä")
    assert message.alternative.content.startswith("<p>HTML ä</p>")
    assert [(each.id, each.content_type, each.filename) for each in message.attachments] == [
        ("2", "application/pdf", "€ rates.pdf"),
        ("3", "message/rfc822", None),
    ]
    assert (message.flags, message.subject) == (frozenset(), "Tere, maailm")
    assert message.preview.startswith("Plain ä Plain ä")


def test_long_texts_are_cut(mail_server: MailServer, connect: Connect) -> None:
    """No more of a text is fetched than wanted, and the message says how much there is."""
    message = read(mail_server, connect, a_mail(), text_bytes=21)
    assert message.body
    assert len(message.body.content) < 21
    assert message.body.whole
    assert message.body.whole >= 200


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n",
        b"Subject: =?x?B?!!?=\r\nFrom: <<>>, ;\r\nContent-Type: text/plain; charset=nonsense\r\n\r\ncaf\xe9\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary\r\n",
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: /\r\n\r\n--a--\r\n",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n",
        b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninner\r\n",
        b"no header at all",
        b"Subject: a\0b\r\n\r\n\0\r\n",
    ],
)
def test_broken_mail_is_mail(mail_server: MailServer, connect: Connect, raw: bytes) -> None:
    """Whatever lies in a mailbox is read as a message."""
    assert isinstance(read(mail_server, connect, raw), Message)


def test_message_that_went_is_not_there(mail_server: MailServer, connect: Connect) -> None:
    """A message that the folder does not list is not there, at once."""
    box = mail_server.mailbox()

    async def run() -> None:
        async with connect(box) as connection:
            await open_folder(connection, "INBOX")
            assert await asyncio.wait_for(read_message(connection, PLACE, text_bytes=9), 30) == NotThere()
            assert await read_brief(connection, PLACE) == NotThere()

    asyncio.run(run())


RAW = b"Subject: x\r\n\r\nbody\r\n"
WHOLE = b"* 1 FETCH (UID 1 BODY[]<0> {%d}\r\n" % len(RAW) + RAW + b")\r\n%s OK\r\n"
HEADER = b"* 1 FETCH (UID 1 FLAGS (\\Seen) BODY[HEADER] {14}\r\nSubject: x\r\n\r\n)\r\n%s OK\r\n"


@pytest.mark.parametrize(
    "structure",
    [HEADER.replace(b" BODY[", b" BODYSTRUCTURE (NIL NIL) BODY["), b"%s NO Server error\r\n"],
    ids=["NIL", "refused"],
)
def test_server_without_a_structure(structure: bytes) -> None:
    """Where the server cannot tell the structure, the message is read whole and tells it itself."""

    async def run() -> None:
        answers = {
            b"UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE BODYSTRUCTURE": structure,
            b"UID FETCH 1 (UID FLAGS": HEADER,
            b"UID FETCH 1 (UID BODY": WHOLE,
        }
        async with scripted(answers) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            message = await read_message(connection, PLACE, text_bytes=100)
            connection.abort()
            assert isinstance(message, Message)
            assert message.body
            assert (message.subject, message.body.content, message.flags) == ("x", "body\r\n", {"\\Seen"})

    asyncio.run(run())


def test_listed_message_that_never_shows_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that is listed and cannot be fetched is looked for a few times more, and then is not there."""
    monkeypatch.setattr("sidecar.reading._PAUSES", (0.01, 0.01, 0.01))

    async def run() -> list[bytes]:
        async with scripted({b"UID SEARCH": b"* SEARCH 1\r\n%s OK\r\n"}) as script:
            connection = await Connection.open("127.0.0.1", script.port, None)
            assert await read_message(connection, PLACE, text_bytes=100) == NotThere()
            connection.abort()
            return [line for line in script.heard if b"FETCH" in line]

    assert len(asyncio.run(run())) == 4
