"""The parts of a message, told by a server or by the message itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.imap.responses import fetched_of
from sidecar.imap.wire import Response
from sidecar.structures import BrokenStructure, Part, parts_in, parts_of, structure_of

MIXED = (
    b'((("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" 50 2 NIL NIL NIL NIL)'
    b'("text" "html" ("charset" "utf-8") NIL NIL "base64" 90 3 NIL NIL NIL NIL) "alternative" ("boundary" "b") NIL NIL)'
    b'("image" "png" ("name" "logo.png") "<logo@x>" NIL "base64" 400 NIL ("inline" ("filename" "logo.png")) NIL NIL)'
    b'("application" "pdf" NIL NIL NIL "base64" 1000 NIL ("attachment" ("filename*" "utf-8\'\'%e2%82%ac.pdf")) NIL NIL)'
    b'("message" "rfc822" NIL NIL NIL "7bit" 300 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) '
    b'("text" "plain" NIL NIL NIL "7bit" 9 1) 12 NIL ("attachment" NIL) NIL NIL)'
    b' "mixed" ("boundary" "a") NIL NIL)'
)


def parsed(structure: bytes) -> object:
    """Return what a FETCH makes of a BODYSTRUCTURE."""
    items = fetched_of(Response(b"*", (b"1 FETCH (UID 1 BODYSTRUCTURE " + structure + b")",)))
    assert items
    return items.get(b"BODYSTRUCTURE")


def test_structure_of_a_usual_message() -> None:
    """Texts are told from attachments, with their numbers, sizes, names and ids; an attached message is one of them."""
    structure = structure_of(parts_of(parsed(MIXED)))
    assert structure.plain == Part("1.1", "text/plain", 50, "quoted-printable", "utf-8")
    assert structure.html == Part("1.2", "text/html", 90, "base64", "utf-8")
    assert structure.attachments == (
        Part("2", "image/png", 400, "base64", None, "inline", "logo.png", "logo@x"),
        Part("3", "application/pdf", 1000, "base64", None, "attachment", "€.pdf"),
        Part("4", "message/rfc822", 300, "7bit", None, "attachment"),
    )


def test_text_with_a_name_is_a_file() -> None:
    """A single part is part 1; a text that is named like a file, or attached, is no text of the message."""
    (only,) = parts_of(parsed(b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 9 1)'))
    assert (only.number, only.kind) == ("1", "text/plain")
    named = parts_of(parsed(b'("text" "plain" ("name" "log.txt") NIL NIL "7bit" 9 1 NIL NIL NIL NIL)'))
    assert structure_of(named).plain is None


@pytest.mark.parametrize("broken", [b"NIL", b"(NIL NIL NIL)", b'("text")', b"((NIL) NIL)", b'(NIL "mixed")'])
def test_broken_structures_say_so(broken: bytes) -> None:
    """A structure with NIL where something must be is broken, whatever else it says."""
    with pytest.raises(BrokenStructure):
        parts_of(parsed(broken))


RAW = b"""\
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=x-unknown
Content-Transfer-Encoding: 8bit

caf\xe9
--b
Content-Type: text/html

<p>x</p>
--b--
--a
Content-Type: application/pdf; name*=utf-8''%e2%82%ac.pdf
Content-Disposition: attachment
Content-Transfer-Encoding: base64

AAAA
--a
Content-Type: message/rfc822

Subject: in

inner
--a--
"""


def test_message_itself_tells_the_same() -> None:
    """The parts in a whole message have IMAP's numbers, and their content."""
    parts = {part.number: part for part in parts_in(RAW.replace(b"\n", b"\r\n"))}
    assert {number: part.kind for number, part in parts.items()} == {
        "1.1": "text/plain",
        "1.2": "text/html",
        "2": "application/pdf",
        "3": "message/rfc822",
    }
    assert (parts["1.1"].content, parts["1.1"].charset) == (b"caf\xe9", "x-unknown")
    assert (parts["2"].filename, parts["2"].disposition) == ("€.pdf", "attachment")
    (single,) = parts_in(b"Subject: x\r\n\r\nbody")
    assert (single.number, single.content) == ("1", b"body")


LINES = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=a",
        b"Content-Type: message/rfc822",
        b"Content-Type: text/html; charset=\xff; name*0*=x''%e2; name*1=b",
        b"Content-Type: /",
        b"Content-Disposition: attachment; filename*=utf-8'%ff.txt",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: x-odd",
        b"--a",
        b"--a--",
        b"",
        b"=?utf-8?B?!?=",
        b"\xff\x00caf\xe9",
    ]
)


@given(st.lists(LINES, max_size=14))
def test_any_message_has_parts(lines: list[bytes]) -> None:
    """However a message is put together, its parts are found without a failure, and each has a number."""
    assert all(part.number for part in parts_in(b"\r\n".join(lines)))
