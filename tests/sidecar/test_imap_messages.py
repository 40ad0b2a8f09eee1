"""Messages of IMAP in the words of the domain."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.domain.imap_ids import ImapPlace, folder_id, message_id
from shared.domain.messages import Address, Body
from sidecar.imap.responses import Brief
from sidecar.imap_messages import brief_message, message_of, outline_of
from sidecar.structures import Part, Structure

PLACE = ImapPlace(folder_id("INBOX"), 7, 42)
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
HEADER = (
    b"From: =?utf-8?Q?J=C3=BCri?= <juri@example.com>\r\nTo: a@contoso.com, B <b@contoso.com>\r\n"
    b"Subject: =?utf-8?B?VGVyZQ==?=\r\nMessage-ID: <1@example.com>\r\nReply-To: r@example.com\r\n"
    b"Date: Fri, 02 Jan 2026 01:00:00 -0000\r\nIn-Reply-To: <0@example.com>\r\n\r\n"
)
ITEMS = {b"UID": 42, b"FLAGS": (b"\\Seen", b"\\Recent"), b"INTERNALDATE": AT, b"BODY[HEADER]": HEADER}
NOTHING = Structure(None, None, ())


def test_message_has_all_that_an_event_tells() -> None:
    """People, subject, ids, moment, flags and headers come from the headers and the folder; moments are UTC."""
    message = message_of(PLACE, outline_of(ITEMS), NOTHING, {}, 100)
    assert (message.id, message.folder) == (message_id(PLACE.folder, 7, 42), PLACE.folder)
    assert message.author == message.sender == Address("Jüri", "juri@example.com")
    assert message.to == (Address("", "a@contoso.com"), Address("B", "b@contoso.com"))
    assert message.reply_to == (Address("", "r@example.com"),)
    assert (message.subject, message.internet_message_id) == ("Tere", "<1@example.com>")
    assert message.received == AT
    assert message.received.tzinfo is UTC
    assert (message.flags, message.change_key) == ({"\\Seen"}, "f01")
    assert message.headers["in-reply-to"] == ("<0@example.com>",)
    assert (message.body, message.labels, message.preview) == (None, (), "")


def test_both_forms_of_the_text_are_read() -> None:
    """Plain text comes first and HTML beside it; one that is longer than the limit says how long it is."""
    structure = Structure(Part("1.1", "text/plain", 8, "base64", "utf-8"), Part("1.2", "text/html", 900, "7bit"), ())
    texts = {"1.1": b"VGVyZQ==", "1.2": b"<p>Te"}
    message = message_of(PLACE, outline_of(ITEMS), structure, texts, 10)
    assert (message.body, message.alternative) == (Body("plain", "Tere"), Body("html", "<p>Te", whole=900))
    only_html = message_of(PLACE, outline_of(ITEMS), Structure(None, structure.html, ()), texts, 10)
    assert (only_html.body, only_html.alternative) == (Body("html", "<p>Te", whole=900), None)


def test_attachments_are_known_by_their_parts() -> None:
    """An attachment's id is its part, and inline is what says so, or what the text refers to."""
    parts = (
        Part("2", "application/pdf", 1000, "base64", None, "attachment", "€.pdf"),
        Part("3", "image/png", 400, "base64", None, None, None, "logo@x"),
    )
    pdf, logo = message_of(PLACE, outline_of(ITEMS), Structure(None, None, parts), {}, 10).attachments
    assert (pdf.id, pdf.filename, pdf.size, pdf.inline) == ("2", "€.pdf", 1000, False)
    assert (logo.id, logo.content_id, logo.inline) == ("3", "logo@x", True)


@pytest.mark.parametrize(
    ("items", "received"),
    [
        ({b"BODY[HEADER]": HEADER}, datetime(2026, 1, 2, 1, tzinfo=UTC)),
        ({b"BODY[HEADER]": b"Date: nonsense\r\nFrom: \r\n\r\n", b"FLAGS": None}, datetime(1970, 1, 1, tzinfo=UTC)),
        ({b"BODY[HEADER]": None}, datetime(1970, 1, 1, tzinfo=UTC)),
        ({}, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_what_is_missing_is_done_without(items: dict[bytes, object], received: datetime) -> None:
    """Without INTERNALDATE the date of the headers counts; without anything there is still a message."""
    assert message_of(PLACE, outline_of(items), NOTHING, {}, 10).received == received


def test_brief_message_tells_what_may_have_changed() -> None:
    """A brief message has id, folder, flags and change key, the same as the complete one."""
    brief = brief_message(PLACE, Brief(1, 42, frozenset({"\\Seen"}), AT, 9))
    complete = message_of(PLACE, outline_of(ITEMS), NOTHING, {}, 10)
    assert [getattr(brief, name) for name in ("id", "folder", "flags", "change_key", "received", "modified")] == [
        getattr(complete, name) for name in ("id", "folder", "flags", "change_key", "received", "modified")
    ]
