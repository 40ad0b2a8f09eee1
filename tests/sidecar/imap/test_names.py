"""Folder names on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.imap import names


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("Entwürfe", b"Entw&APw-rfe"),
        ("R&D", b"R&-D"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("😀", b"&2D3eAA-"),
    ],
)
def test_names_are_written_in_modified_utf7(name: str, wire: bytes) -> None:
    """A name is written and read as RFC 3501 has it."""
    assert (names.encode(name), names.decode(wire)) == (wire, name)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_name_comes_back(name: str) -> None:
    """What is written is read as the same name, and is printable ASCII."""
    wire = names.encode(name)
    assert names.decode(wire) == name
    assert wire.isascii()


@pytest.mark.parametrize("wire", ["Übung".encode(), b"&AB-", b"&*-"])
def test_broken_names_stay_readable(wire: bytes) -> None:
    """What is no modified UTF-7 stays as it came."""
    assert names.decode(wire) == wire.decode()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_quoted_name_cannot_leave_its_quotes(name: str) -> None:
    """A name with quotes and line ends stays one quoted string on one line."""
    wire = names.quoted(name)
    assert b"\r" not in wire
    assert b"\n" not in wire
    assert wire[1:-1].replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"') == 0
