"""Changes: the table of meanings, row by row."""

from datetime import timedelta

import pytest

from shared.domain.changes import (
    AGAIN,
    NOTHING,
    AccountEvent,
    ChangeBatch,
    ChangeKind,
    Meaning,
    meaning_of_message,
    meaning_of_missing,
    needs_sighting,
)
from shared.domain.events import EventName
from shared.domain.messages import ContentRules, Message
from shared.domain.sightings import Sighting
from tests.factories import MESSAGE, a_change, a_message, a_sighting
from tests.fakes.clock import START

CREATED, UPDATED, DELETED = ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DELETED
PATIENCE = 3
OLD = START - timedelta(days=30)


def meaning(
    kinds: set[ChangeKind], message: Message | None = None, known: Sighting | None = None, *, looks: int = 0
) -> Meaning:
    """Return what changes of a message that is there come to, in an account that is watched since a day."""
    return meaning_of_message(
        kinds,
        message or a_message(),
        known,
        watched_since=START - timedelta(days=1),
        looks=looks,
        patience=PATIENCE,
        rules=ContentRules(),
    )


@pytest.mark.parametrize("kinds", [{CREATED}, {CREATED, UPDATED}, {CREATED, DELETED}])
def test_unknown_and_created_is_new(kinds: set[ChangeKind]) -> None:
    """A message that we do not know and that came since we watch is new, and is remembered as it is now."""
    found = meaning(kinds, a_message(flags=frozenset({"\\Seen"})))
    assert found.event is EventName.MESSAGE_NEW
    assert found.sighting == a_sighting(flags=("\\Seen",))
    assert (found.version, found.moment) == ("", START)


def test_known_in_another_folder_is_moved() -> None:
    """A message that we know in another folder was moved, at its change, whatever Graph called it."""
    moved = a_message(folder="archive-id", modified=START + timedelta(hours=1))
    for kinds in ({CREATED}, {DELETED}, {CREATED, DELETED}, {UPDATED}):
        found = meaning(kinds, moved, a_sighting())
        assert found.event is EventName.MESSAGE_MOVED
        assert found.sighting == a_sighting(folder="archive-id")
        assert (found.version, found.moment) == (moved.change_key, moved.modified)


def test_known_with_other_flags_or_categories_is_updated() -> None:
    """Other flags or other categories are an update, with what came and went."""
    seen = meaning({UPDATED}, a_message(flags=frozenset({"\\Seen"})), a_sighting())
    assert seen.event is EventName.MESSAGE_UPDATED
    assert seen.data == {"id": MESSAGE, "changes": {"flags": {"added": ["\\Seen"], "value": ["\\Seen"]}}}
    assert seen.version == a_message().change_key
    assert meaning({UPDATED}, a_message(labels=("Red",)), a_sighting()).event is EventName.MESSAGE_UPDATED


@pytest.mark.parametrize("kinds", [{CREATED}, {UPDATED}, {DELETED}, {CREATED, UPDATED, DELETED}])
def test_known_and_the_same_is_nothing(kinds: set[ChangeKind]) -> None:
    """A duplicate comes to nothing, whatever it says, and however the flags are ordered."""
    message = a_message(flags=frozenset({"\\Seen", "\\Flagged"}), labels=("b", "a"))
    assert meaning(kinds, message, Sighting.of(message)) is NOTHING


@pytest.mark.parametrize("kinds", [{UPDATED}, {DELETED}, {UPDATED, DELETED}])
def test_unknown_and_not_announced_is_looked_at_again(kinds: set[ChangeKind]) -> None:
    """A young message whose `created` is still on its way is looked at again, and is new when patience ends."""
    assert [meaning(kinds, looks=looks) for looks in range(PATIENCE)] == [AGAIN] * PATIENCE
    assert meaning(kinds, looks=PATIENCE).event is EventName.MESSAGE_NEW


def test_a_message_from_before_is_not_new() -> None:
    """A message older than our watch was updated or moved, never new, and only its values now can be told."""
    old = a_message(created=OLD, flags=frozenset({"\\Seen"}))
    updated = meaning({UPDATED}, old)
    assert updated.event is EventName.MESSAGE_UPDATED
    assert updated.data == {"id": MESSAGE, "changes": {"flags": {"value": ["\\Seen"]}, "labels": {"value": []}}}
    assert meaning({CREATED, DELETED}, old).event is EventName.MESSAGE_MOVED
    assert meaning({CREATED}, old).data == {"id": MESSAGE}


@pytest.mark.parametrize("kinds", [{DELETED}, {DELETED, CREATED}, {DELETED, UPDATED}])
def test_gone_and_deleted_is_deleted(kinds: set[ChangeKind]) -> None:
    """A message that is not there and was called deleted is deleted, at once."""
    found = meaning_of_missing(kinds, MESSAGE, seen=START, looks=0, patience=PATIENCE)
    assert found == Meaning(EventName.MESSAGE_DELETED, {"id": MESSAGE}, moment=START)


@pytest.mark.parametrize(
    ("kinds", "last"),
    [
        ({CREATED}, Meaning(EventName.MESSAGE_MISSING, {"id": MESSAGE, "missingRetries": PATIENCE}, moment=START)),
        ({CREATED, UPDATED}, Meaning(EventName.MESSAGE_MISSING, {"id": MESSAGE, "missingRetries": 3}, moment=START)),
        ({UPDATED}, NOTHING),
    ],
)
def test_gone_and_not_deleted_is_looked_for_again(kinds: set[ChangeKind], last: Meaning) -> None:
    """A message that is not there yet is looked for again; only one that was announced is missing in the end."""
    looks = [
        meaning_of_missing(kinds, MESSAGE, seen=START, looks=looks, patience=PATIENCE) for looks in range(PATIENCE + 1)
    ]
    assert looks == [*[AGAIN] * PATIENCE, last]


@pytest.mark.parametrize(
    ("kinds", "later", "suspicious", "needed"),
    [
        ({CREATED}, 0, False, False),
        ({CREATED, UPDATED}, 2, False, False),
        ({CREATED}, 2.001, False, True),
        ({CREATED}, 0, True, True),
        ({CREATED, DELETED}, 0, False, True),
        ({UPDATED}, 0, False, True),
    ],
)
def test_usual_mail_costs_no_lookup(kinds: set[ChangeKind], later: float, *, needed: bool, suspicious: bool) -> None:
    """A message that came just now and is untouched needs no lookup; any doubt needs one."""
    message = a_message(modified=START + timedelta(seconds=later))
    assert needs_sighting(kinds, message, suspicious=suspicious) is needed


def test_a_queue_message_is_read_back() -> None:
    """A batch of changes and account events survives the queue."""
    said = AccountEvent(
        account="key",
        account_id="anna",
        incarnation="1",
        event=EventName.ACCOUNT_ADDED,
        version="1",
        at=START,
        data={"account": "anna"},
    )
    batch = ChangeBatch(changes=(a_change(), a_change(kind=DELETED, looks=2, tries=1)), account_events=(said,))
    assert ChangeBatch.model_validate_json(batch.model_dump_json()) == batch
