"""Ids of messages that IMAP knows."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.imap_ids import ImapPlace, folder_id, message_id, place_of

NUMBERS = st.integers(1, 2**32 - 1)


@given(st.text(), NUMBERS, NUMBERS)
def test_an_id_finds_its_message(path: str, uidvalidity: int, uid: int) -> None:
    """An id is short, fit for a URL, and says where its message is."""
    folder = folder_id(path)
    made = message_id(folder, uidvalidity, uid)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", made)
    assert place_of(made) == ImapPlace(folder, uidvalidity, uid)


def test_ids_never_change() -> None:
    """The id of a place is the same in every version: customers and event ids keep it."""
    assert folder_id("INBOX") == folder_id("Inbox") == "g-y1Ib8yD2c"
    assert message_id(folder_id("INBOX"), 7, 1234) == "g-y1Ib8yD2cAAAAHAAAE0g"


@pytest.mark.parametrize(
    "odd", ["", "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A", "x" * 21, "ü" * 22, "/" * 22, "A" * 21 + "B"]
)
def test_other_ids_are_nobodys(odd: str) -> None:
    """A Graph id, a mutilated one, and a second spelling of the same bytes find nothing."""
    assert place_of(odd) is None
