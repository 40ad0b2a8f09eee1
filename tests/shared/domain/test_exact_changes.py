"""Exact changes: what is said is what happened."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.changes import AGAIN, NOTHING, ChangeKind, Meaning
from shared.domain.events import EventName
from shared.domain.exact_changes import meaning_of_exact, needs_reading
from shared.domain.imap_ids import folder_id, message_id
from shared.domain.messages import Attachment, Body, ContentRules, Message
from tests.factories import a_change, a_message
from tests.fakes.clock import START

HERE = message_id(folder_id("INBOX"), 7, 12)
THERE = message_id(folder_id("Archive"), 9, 3)
DAY = START.replace(hour=0, minute=0)
PATIENCE = 3
SEEN, FLAGGED = ("\\Seen",), ("\\Flagged",)


def meaning(kind: ChangeKind, message: Message | None = None, **changes: Any) -> Meaning:
    """Return what a change of a message comes to."""
    change = a_change(kind=kind, message=changes.pop("about", HERE), exact=True, **changes)
    return meaning_of_exact(change, message, ContentRules(), patience=PATIENCE)


def arrived(**changes: Any) -> Message:
    """Return a message as the sidecar reads it."""
    values: dict[str, Any] = {"id": HERE, "folder": folder_id("INBOX"), "change_key": "f00", "size": 1200}
    return a_message(**{**values, **changes})


def test_an_arrival_is_told_as_emailengine_tells_it() -> None:
    """A messageNew has IMAP's UID and size, and neither Graph's second id nor categories."""
    message = arrived(
        body=Body("plain", "Tere"),
        alternative=Body("html", "<p>Tere</p>"),
        attachments=(Attachment("2", "image/png", 120, inline=False, filename="logo.png"),),
    )
    told = meaning(ChangeKind.CREATED, message)
    assert (told.event, told.version, told.moment) == (EventName.MESSAGE_NEW, "", START)
    assert told.data is not None
    assert list(told.data) == [
        "id", "uid", "date", "flags", "unseen", "size", "subject", "from", "to", "attachments", "text", "seemsLikeNew",
    ]  # fmt: skip
    assert (told.data["id"], told.data["uid"], told.data["size"]) == (HERE, 12, 1200)
    assert told.data["text"]["encodedSize"] == {"plain": 4, "html": 11}


@pytest.mark.parametrize(
    ("age", "flags", "new"),
    [(timedelta(hours=23), (), True), (timedelta(days=1), (), None), (timedelta(), ("\\Draft",), None)],
)
def test_what_was_put_there_does_not_seem_new(age: timedelta, flags: tuple[str, ...], *, new: bool | None) -> None:
    """Mail that came long ago, and a draft, do not seem like new."""
    told = meaning(ChangeKind.CREATED, arrived(received=START - age, flags=frozenset(flags)))
    assert told.data is not None
    assert told.data.get("seemsLikeNew") is new


def test_an_arrival_that_is_not_there_is_looked_for() -> None:
    """A list may be ahead of its messages; what does not appear in the end is missing."""
    for looks in range(PATIENCE):
        assert meaning(ChangeKind.CREATED, looks=looks) is AGAIN
    missing = {"id": HERE, "uid": 12, "missingRetries": PATIENCE}
    assert meaning(ChangeKind.CREATED, looks=PATIENCE) == Meaning(EventName.MESSAGE_MISSING, missing, moment=DAY)


def test_new_flags_are_told_from_what_was_said() -> None:
    """A messageUpdated tells the flags that the change names, whatever the message has meanwhile."""
    now = arrived(flags=frozenset({"\\Answered"}))
    for message in (None, now):
        told = meaning(ChangeKind.UPDATED, message, version="5-Seen", flags=SEEN, former_flags=FLAGGED)
        changes = {"flags": {"added": ["\\Seen"], "deleted": ["\\Flagged"], "value": ["\\Seen"]}}
        assert told == Meaning(EventName.MESSAGE_UPDATED, {"id": HERE, "uid": 12, "changes": changes}, "5-Seen", DAY)


def test_flags_that_were_not_said_are_read() -> None:
    """Where the change names only the former flags, the message tells the others; one that went tells nothing."""
    told = meaning(ChangeKind.UPDATED, arrived(flags=frozenset(SEEN)), former_flags=())
    assert told.data is not None
    assert told.data["changes"] == {"flags": {"added": ["\\Seen"], "value": ["\\Seen"]}}
    assert meaning(ChangeKind.UPDATED, None, former_flags=()) is NOTHING


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, {}),
        ({"flags": SEEN, "former_flags": SEEN}, {}),
        ({"former_flags": SEEN}, {}),
        (
            {"flags": SEEN, "former_flags": ()},
            {"changes": {"flags": {"added": ["\\Seen"], "value": ["\\Seen"]}}},
        ),
    ],
)
def test_a_move_names_both_ids(said: dict[str, Any], expected: dict[str, Any]) -> None:
    """A messageMoved stands under the new id and names the former, also where the message went on since."""
    told = meaning(ChangeKind.MOVED, about=THERE, former=HERE, version="7", **said)
    data = {"id": THERE, "uid": 3, "previous": {"id": HERE, "uid": 12}, **expected}
    assert told == Meaning(EventName.MESSAGE_MOVED, data, "7", DAY)


def test_a_deletion_needs_no_proof() -> None:
    """A messageDeleted is told at once."""
    told = meaning(ChangeKind.DELETED, version="4")
    assert told == Meaning(EventName.MESSAGE_DELETED, {"id": HERE, "uid": 12}, "4", DAY)


@pytest.mark.parametrize(
    ("kind", "said", "reads"),
    [
        (ChangeKind.CREATED, {}, True),
        (ChangeKind.UPDATED, {"flags": SEEN}, False),
        (ChangeKind.UPDATED, {}, True),
        (ChangeKind.MOVED, {}, False),
        (ChangeKind.MOVED, {"former_flags": SEEN}, True),
        (ChangeKind.MOVED, {"former_flags": SEEN, "flags": ()}, False),
        (ChangeKind.DELETED, {"former_flags": SEEN}, False),
    ],
)
def test_only_what_was_not_said_is_read(kind: ChangeKind, said: dict[str, Any], *, reads: bool) -> None:
    """A message is read for its content, and for flags that nobody named."""
    assert needs_reading(a_change(kind=kind, exact=True, **said)) is reads
