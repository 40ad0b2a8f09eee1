"""What untagged responses say."""

from datetime import UTC, datetime

import pytest

from sidecar.imap.responses import (
    Brief,
    Count,
    Counts,
    Listed,
    brief_of,
    count_of,
    fetched_of,
    found_of,
    listed_of,
    status_of,
)
from sidecar.imap.wire import Response


def said(*lines: bytes, literals: tuple[bytes, ...] = ()) -> Response:
    """Return an untagged response."""
    return Response(b"*", lines, literals)


def test_counts() -> None:
    """EXISTS and EXPUNGE carry a number; RECENT is neither."""
    assert count_of(said(b"23 EXISTS")) == Count(23, gone=False)
    assert count_of(said(b"3 EXPUNGE")) == Count(3, gone=True)
    assert count_of(said(b"1 RECENT")) is None


def test_brief_in_any_order() -> None:
    """UID, flags, moment and size are read in whatever order the server sends them."""
    at = datetime(1996, 7, 17, 9, 44, 25, tzinfo=UTC)
    line = b'4 FETCH (INTERNALDATE "17-Jul-1996 02:44:25 -0700" FLAGS (\\Seen $MDNSent) RFC822.SIZE 9 UID 7)'
    assert brief_of(said(line)) == Brief(4, 7, frozenset({"\\Seen", "$MDNSent"}), at, 9)
    assert brief_of(said(b"4 FETCH (FLAGS ())")) == Brief(4, None, frozenset(), None, None)


@pytest.mark.parametrize(
    "line", [b'4 FETCH (UID 7 ENVELOPE ("FLAGS (\\Seen)"))', b"4 FETCH (UID 7 BODY[] ", b"4 EXPUNGE", b"OK FLAGS ()"]
)
def test_content_is_not_brief(line: bytes) -> None:
    """A FETCH with content is not taken for a brief one, whatever its content looks like."""
    assert brief_of(said(line)) is None


def test_search_and_esearch() -> None:
    """Both kinds of answers to a search are read, and an empty one."""
    assert found_of(said(b"SEARCH 2 84 882")) == [2, 84, 882]
    assert found_of(said(b'ESEARCH (TAG "R1") UID COUNT 5 ALL 4:6,9,11')) == [4, 5, 6, 9, 11]
    assert found_of(said(b"SEARCH")) == found_of(said(b'ESEARCH (TAG "R1") UID')) == []
    assert found_of(said(b"FLAGS ()")) is None


def test_folders() -> None:
    """A folder's name may be quoted, bare, or a literal; INBOX has one spelling."""
    assert listed_of(said(b'LIST (\\HasNoChildren) "/" "Entw&APw-rfe"')) == Listed(
        "Entwürfe", "/", frozenset({"\\HasNoChildren"})
    )
    assert listed_of(said(b'LIST () "/" ', b"", literals=(b"odd",))) == Listed("odd", "/", frozenset())
    assert listed_of(said(b'LIST () "/" inbox')) == Listed("INBOX", "/", frozenset())


def test_status_numbers() -> None:
    """The numbers of a folder are read by their names."""
    assert status_of(said(b'STATUS "A B" (MESSAGES 3 UIDNEXT 9)')) == Counts(messages=3, uidnext=9)


def test_what_is_readable_of_a_broken_fetch() -> None:
    """A structure that is none leaves flags, moment, size and headers readable."""
    items = fetched_of(
        said(
            b"1 FETCH (UID 5 FLAGS (\\Seen) RFC822.SIZE 10 BODYSTRUCTURE (NIL NIL ((( BODY[HEADER] ",
            b")",
            literals=(b"Subject: x\r\n\r\n",),
        )
    )
    assert items == {b"UID": 5, b"FLAGS": (b"\\Seen",), b"RFC822.SIZE": 10, b"BODY[HEADER]": b"Subject: x\r\n\r\n"}
