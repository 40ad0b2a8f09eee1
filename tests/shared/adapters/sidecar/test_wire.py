"""What travels between the function app and the sidecar arrives as it left."""

from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.adapters.sidecar import wire
from shared.domain.errors import (
    Conflict,
    GrantRefused,
    InvalidRequest,
    MailboxRefused,
    Misconfigured,
    NotFound,
    RelayError,
    SignInRefused,
    TryLater,
)
from shared.domain.messages import Address, Attachment, Body, Message
from tests.factories import a_message

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
MOMENTS = st.datetimes(timezones=st.just(UTC))
ADDRESSES = st.builds(Address, TEXT, TEXT)
BODIES = st.none() | st.builds(Body, st.sampled_from(["plain", "html"]), TEXT, st.none() | st.integers(0, 2**40))
ATTACHMENTS = st.builds(Attachment, TEXT, TEXT, st.integers(0), st.booleans(), st.none() | TEXT, st.none() | TEXT)
MESSAGES = st.builds(
    Message,
    id=TEXT,
    folder=TEXT,
    change_key=TEXT,
    received=MOMENTS,
    created=MOMENTS,
    modified=MOMENTS,
    flags=st.frozensets(TEXT),
    labels=st.lists(TEXT).map(tuple),
    subject=TEXT,
    sender=st.none() | ADDRESSES,
    author=st.none() | ADDRESSES,
    to=st.lists(ADDRESSES, max_size=3).map(tuple),
    internet_message_id=st.none() | TEXT,
    preview=TEXT,
    body=BODIES,
    alternative=BODIES,
    headers=st.dictionaries(TEXT, st.lists(TEXT, min_size=1, max_size=2).map(tuple), max_size=3),
    attachments=st.lists(ATTACHMENTS, max_size=2).map(tuple),
    size=st.none() | st.integers(0),
)


@given(MESSAGES)
def test_messages_arrive_as_they_left(message: Message) -> None:
    """Any message comes out of the wire as it went in."""
    told = wire.Readings(readings=(wire.OneReading(message=message), wire.OneReading(not_there=True)))
    assert wire.decode(wire.Readings, wire.encode(told)) == told


@given(st.binary(min_size=1), TEXT.filter(lambda text: text.isprintable() and text), MOMENTS)
def test_bytes_arrive_as_they_left(content: bytes, folder: str, moment: Any) -> None:
    """Any bytes of a message come out as they went in."""
    asked = wire.AppendAsked(account="a", incarnation="1", folder=folder, content=content, received=moment)
    assert wire.decode(wire.AppendAsked, wire.encode(asked)) == asked


def test_half_a_character_is_replaced() -> None:
    """What UTF-8 cannot hold arrives as a question mark; it stops nothing."""
    told = wire.encode(wire.Placed(message="a\ud800b"))
    assert wire.decode(wire.Placed, told).message == "a?b"


@pytest.mark.parametrize(
    "error",
    [
        SignInRefused("No.", reason="AADSTS7000215", mend="Set the secret."),
        GrantRefused("No.", reason="AADSTS50173", mend="Sign in again."),
        MailboxRefused("No.", reason="OverQuota", mend="Make room."),
        NotFound("Gone."),
        Conflict("There."),
        InvalidRequest(message="Wrong."),
        TryLater("Busy.", timedelta(seconds=89.117)),
        TryLater("Busy."),
        TryLater("Throttled.", reason="Throttled", mend="Nothing to mend."),
    ],
)
def test_errors_arrive_as_they_left(error: RelayError) -> None:
    """An error is of the same class at the other end, with its reason, its mend and its wait."""
    told = wire.decode(wire.Refused, wire.encode(wire.Refused.of(error))).error()
    assert (type(told), str(told)) == (type(error), str(error))
    for part in ("reason", "mend", "retry_after"):
        assert getattr(told, part, None) == getattr(error, part, None)


def test_an_error_of_its_own_passes() -> None:
    """What went wrong only there is something to wait for here; so is a kind that is younger than we are."""
    assert type(wire.Refused.of(Misconfigured("SIDECAR_KEY")).error()) is TryLater
    assert type(wire.Refused(kind="Newer", code="x", message="y").error()) is TryLater


def test_an_older_end_overlooks_what_it_does_not_know() -> None:
    """Names of a newer version, wherever they stand in a request or an answer, are nothing to an older one."""
    asked = b'{"requests":[{"account":"a","incarnation":"1","message":"m","complete":true,"textBytes":9,"newer":{}}]}'
    assert wire.decode(wire.ReadMany, asked).requests[0].message == "m"
    message = a_message(body=Body("plain", "Hi"))
    body = wire.encode(wire.Readings(readings=(wire.OneReading(message=message),)))
    told = body.replace(b'"readings"', b'"newer":1,"readings"')
    newer = told.replace(b'"body":{', b'"newer":[1],"body":{"newer":"x",')
    assert newer.count(b"newer") == 3
    assert wire.decode(wire.Readings, newer) == wire.decode(wire.Readings, body)
    tree = b'{"tree":{"folders":{"i":{"path":"Inbox","newer":1}}}}'
    assert wire.decode(wire.Tree, tree).tree.folders["i"].path == "Inbox"


def test_other_words_are_refused() -> None:
    """What is not ours is not taken for it."""
    for body in (b"", b"[]", b'{"readings":{}}', b'{"readings":[{"message":{"id":1}}]}', b"<html>"):
        with pytest.raises(ValidationError):
            wire.decode(wire.Readings, body)
