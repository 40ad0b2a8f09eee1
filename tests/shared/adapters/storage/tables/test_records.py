"""Records and bytes are split over columns, and joined again."""

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.storage.tables.records import (
    BYTES_CHUNK,
    pack,
    pack_bytes,
    read,
    record_columns,
    unpack,
    unpack_bytes,
)
from shared.domain.accounts import Account
from shared.domain.errors import NewerRecord
from shared.domain.folders import FolderTree
from tests.contracts.examples import account


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=50), st.integers(1, 2_000))
def test_no_column_is_too_long(text: str, times: int) -> None:
    """However long a record and whatever its characters, no column has more than 32K UTF-16 units."""
    long = account(options={"path": text * times})
    columns = pack(long)
    assert max(len(column.encode("utf-16-le")) for column in columns.values() if isinstance(column, str)) <= 65_536
    assert unpack(Account, {**columns, f"record{columns['parts']}": "left by a former, longer one"}) == long


def test_bytes_are_cut_at_64_kibibytes() -> None:
    """A column of bytes is full before the next one begins."""
    data = bytes(BYTES_CHUNK) + b"\x01"
    assert [len(column) for column in pack_bytes("p", data).values()] == [BYTES_CHUNK, 1]
    assert unpack_bytes("p", {**pack_bytes("p", data), "parts": 1}) == data
    assert pack_bytes("p", b"") == {}


def test_the_columns_of_a_record_can_be_named() -> None:
    """A record of 128,000 characters is read whole through the columns that are asked for."""
    assert pack(account(options={"path": "x" * 120_000})).keys() <= {*record_columns()}


@pytest.mark.parametrize(
    ("kind", "text", "record"),
    [
        (Account, '{"id":"anna@contoso.com","user":["anna@contoso.com"]}', "Account: app, "),
        (FolderTree, '{"folders":{"anna@contoso.com":{"path":["t0psecret"]}}}', "FolderTree: folders)"),
        (FolderTree, '{"folders":"t0psecret', "FolderTree)"),
    ],
)
def test_what_cannot_be_read_is_not_told(kind: type[Account | FolderTree], text: str, record: str) -> None:
    """A record that only a newer version reads names its fields that are in the way, not what is in them."""
    with pytest.raises(NewerRecord) as refused:
        read(kind, text)
    told = "".join(traceback.format_exception(refused.value))
    assert f"A record ({record}" in told
    assert "contoso" not in told
    assert "t0psecret" not in told
    assert refused.value.__context__ is None
