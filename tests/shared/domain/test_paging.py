"""Pages: counted ones, and cursors that only we can read."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidRequest
from shared.domain.paging import decode_cursor, encode_cursor, numbered

POSITIONS = st.dictionaries(st.text(), st.text())


@given(POSITIONS)
def test_a_cursor_leads_back_to_its_position(position: dict[str, str]) -> None:
    """A cursor holds any position of a store, and fits into a URL as it is."""
    cursor = encode_cursor(position)
    assert cursor is not None
    assert decode_cursor(cursor) == position
    assert all(character.isalnum() or character in "-_" for character in cursor)


def test_the_end_has_no_cursor() -> None:
    """No position is no cursor, and no cursor is the beginning."""
    assert encode_cursor(None) is None
    assert decode_cursor(None) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "a",
        "é",
        "ms_abc",
        *(
            base64.urlsafe_b64encode(text).decode()
            for text in (b"[]", b"null", b'{"PartitionKey":1}', b'{"RowKey":"\\ud800"}', b"\xff", b"{", b"[" * 1536)
        ),
    ],
)
def test_other_cursors_are_refused(cursor: str) -> None:
    """A cursor that is none of ours is refused at `cursor`."""
    with pytest.raises(InvalidRequest) as refused:
        decode_cursor(cursor)
    assert refused.value.extras()["fields"] == [
        {"key": "cursor", "message": '"cursor" must be one that an earlier page returned'}
    ]


@given(st.integers(0, 60), st.integers(1, 20))
def test_pages_hold_everything_once(total: int, page_size: int) -> None:
    """The pages together are the list, each no longer than its size; a page beyond the last is empty."""
    items = range(total)
    counts = numbered(items, 0, page_size)[0]
    assert counts["total"] == total
    pages = [numbered(items, page, page_size)[1] for page in range(counts["pages"])]
    assert [item for page in pages for item in page] == list(items)
    assert all(1 <= len(page) <= page_size for page in pages)
    assert list(numbered(items, counts["pages"], page_size)[1]) == []
