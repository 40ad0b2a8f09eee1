"""Changes: the table of meanings, row by row."""

from datetime import timedelta

import pytest

from shared.domain.changes import (
    AGAIN,
    NOTHING,
    AccountEvent,
    ChangeBatch,
    ChangeKind,
    InstanceEvent,
    Meaning,
    account_event,
    meaning_of_message,
    meaning_of_missing,
    needs_sighting,
)
from shared.domain.events import EventName
from shared.domain.messages import ContentRules, Message
from shared.domain.sightings import Sighting
from tests.factories import APP, MESSAGE, a_change, a_message, a_sighting, an_account
from tests.fakes.clock import START

CREATED, UPDATED, DELETED = ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DELETED
PATIENCE = 3
OLD = START - timedelta(days=30)
DAY = START.replace(hour=0, minute=0)
MISSING = Meaning(EventName.MESSAGE_MISSING, {"id": MESSAGE, "missingRetries": PATIENCE}, moment=DAY)


def meaning(
    kinds: set[ChangeKind],
    message: Message | None = None,
    known: Sighting | None = None,
    *,
    looks: int = 0,
    interrupted: bool = False,
    told: Sighting | None = None,
) -> Meaning:
    """Return what changes of a message that is there come to, in an account that is watched since a day."""
    return meaning_of_message(
        kinds,
        message or a_message(),
        known,
        watched_since=START - timedelta(days=1),
        looks=looks,
        patience=PATIENCE,
        interrupted=interrupted,
        rules=ContentRules(),
        told=told,
    )


@pytest.mark.parametrize("kinds", [{CREATED}, {CREATED, UPDATED}])
def test_unknown_and_created_is_new(kinds: set[ChangeKind]) -> None:
    """A message that we do not know and that came since we watch is new, and is remembered as it is now."""
    found = meaning(kinds, a_message(flags=frozenset({"\\Seen"})))
    assert found.event is EventName.MESSAGE_NEW
    assert found.sighting == a_sighting(flags=("\\Seen",))
    assert (found.version, found.moment) == ("", START)


def test_a_late_arrival_is_remembered_as_such() -> None:
    """An arrival that is told after the message was touched may have been told before, and its sighting says so."""
    found = meaning({CREATED}, a_message(folder="archive-id", modified=START + timedelta(minutes=1)))
    assert found.event is EventName.MESSAGE_NEW
    assert found.sighting == a_sighting(folder="archive-id", late=True)
    again = meaning({CREATED}, a_message(modified=START + timedelta(minutes=1)), a_sighting(late=True))
    assert again == NOTHING


def test_a_move_after_a_late_arrival_is_believed() -> None:
    """Where only a late arrival is known, the word of a move is told as one; where it was told in time, as nothing."""
    moved = a_message(folder="archive-id", modified=START + timedelta(minutes=1))
    found = meaning({DELETED}, moved, a_sighting(folder="archive-id", late=True))
    assert (found.event, found.version) == (EventName.MESSAGE_MOVED, moved.change_key)
    assert found.sighting == a_sighting(folder="archive-id")
    assert meaning({DELETED}, moved, a_sighting(folder="archive-id")) == NOTHING
    assert meaning({UPDATED}, moved, a_sighting(folder="archive-id", late=True)) == NOTHING


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


def test_unknown_created_and_moved_is_looked_at_again() -> None:
    """A move right behind an arrival waits once for whoever is about to note the arrival, and is new then."""
    assert meaning({CREATED, DELETED}) is AGAIN
    assert meaning({CREATED, DELETED}, looks=1).event is EventName.MESSAGE_NEW


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


@pytest.mark.parametrize(
    ("kinds", "besides"),
    [
        ({CREATED}, EventName.MESSAGE_UPDATED),
        ({CREATED, UPDATED}, EventName.MESSAGE_UPDATED),
        ({CREATED, DELETED}, EventName.MESSAGE_MOVED),
    ],
)
def test_a_change_behind_a_repeated_arrival_is_told_besides(kinds: set[ChangeKind], besides: EventName) -> None:
    """An arrival that may have been told already, of a message that changed since, tells the change besides."""
    touched = a_message(modified=START + timedelta(seconds=2.001))
    found = meaning(kinds, touched, looks=PATIENCE, interrupted=True)
    assert (found.event, found.sighting) == (EventName.MESSAGE_NEW, a_sighting())
    assert found.also is not None
    assert (found.also.event, found.also.version, found.also.moment) == (besides, touched.change_key, touched.modified)


@pytest.mark.parametrize("message", [a_message(created=OLD), a_message(modified=START + timedelta(hours=1))])
def test_a_move_of_which_half_was_told_as_an_update_is_told(message: Message) -> None:
    """What was unknown and told as changed, and then is said to have left a folder, was moved; it is told once."""
    updated = meaning({UPDATED}, message, looks=PATIENCE, interrupted=True)
    last = updated.also or updated
    assert last.event is EventName.MESSAGE_UPDATED
    moved = meaning({DELETED}, message, known=last.sighting)
    assert moved.event is EventName.MESSAGE_MOVED
    assert meaning({DELETED}, message, known=moved.sighting) == NOTHING
    assert meaning({UPDATED}, message, known=last.sighting) == NOTHING


def test_a_change_that_nobody_explained_waits_for_its_notification() -> None:
    """Behind an arrival that may have been told already, a change is not guessed at before its notification came."""
    found = meaning({CREATED}, a_message(modified=START + timedelta(hours=1)), interrupted=True)
    assert (found.event, found.again, found.sighting, found.also) == (EventName.MESSAGE_NEW, True, None, None)


@pytest.mark.parametrize(
    ("told", "besides"),
    [
        (a_sighting(folder="elsewhere"), EventName.MESSAGE_MOVED),
        (a_sighting(flags=("\\Seen",)), EventName.MESSAGE_UPDATED),
    ],
)
def test_what_was_told_says_what_changed_since(told: Sighting, besides: EventName) -> None:
    """Beside an arrival of which it is known what was told, exactly what changed since is told, at once."""
    found = meaning({CREATED}, a_message(modified=START + timedelta(hours=1)), interrupted=True, told=told)
    assert (found.event, found.again, found.sighting) == (EventName.MESSAGE_NEW, False, a_sighting())
    assert found.also is not None
    assert found.also.event is besides


def test_what_was_told_last_may_hide_a_change() -> None:
    """Where what was told is what is there now, it may have been told twice: a touched message is waited for."""
    touched = a_message(modified=START + timedelta(hours=1))
    assert meaning({CREATED}, touched, interrupted=True, told=a_sighting()).again
    assert meaning({CREATED, UPDATED}, touched, interrupted=True, told=a_sighting()).also is not None
    assert meaning({CREATED}, interrupted=True, told=a_sighting()) == meaning({CREATED})


def test_an_arrival_alone_tells_nothing_besides() -> None:
    """Nothing is told beside an arrival that nobody told before, nor of a message that nobody touched."""
    assert meaning({CREATED, UPDATED}, a_message(modified=START + timedelta(hours=1))).also is None
    assert meaning({CREATED, UPDATED}, a_message(modified=START + timedelta(seconds=2)), interrupted=True).also is None


@pytest.mark.parametrize("kinds", [{DELETED}, {DELETED, CREATED}, {DELETED, UPDATED}])
def test_gone_and_deleted_is_deleted(kinds: set[ChangeKind]) -> None:
    """A message that is not there and was called deleted is deleted, at once; a duplicate lands on the same row."""
    found = [
        meaning_of_missing(kinds, MESSAGE, seen=seen, looks=0, patience=PATIENCE)
        for seen in (START, START + timedelta(hours=3))
    ]
    assert found == [Meaning(EventName.MESSAGE_DELETED, {"id": MESSAGE}, moment=DAY)] * 2


@pytest.mark.parametrize(
    ("kinds", "last"),
    [
        ({CREATED}, MISSING),
        ({CREATED, UPDATED}, MISSING),
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


def a_batch() -> ChangeBatch:
    """Return a batch with something of each."""
    said = account_event(an_account(), EventName.ACCOUNT_ADDED, "1", START, {"account": "anna"})
    expiring = InstanceEvent(subject=APP, event=EventName.OAUTH_APP_EXPIRING, version="1", at=START, data={"app": APP})
    changes = (a_change(), a_change(kind=DELETED, looks=2, tries=1))
    return ChangeBatch(changes=changes, account_events=(said,), instance_events=(expiring,))


def test_a_queue_message_is_read_back() -> None:
    """A batch of changes and of events, whoever they are about, survives the queue."""
    assert ChangeBatch.model_validate_json(a_batch().model_dump_json()) == a_batch()


def test_a_batch_falls_into_halves_down_to_single_things() -> None:
    """Halved until each holds one thing, a batch is all there, in its order."""
    batches = [a_batch()]
    while any(batch.size > 1 for batch in batches):
        batches = [half for batch in batches for half in (batch.halves() if batch.size > 1 else (batch,))]
    assert [batch.size for batch in batches] == [1] * 4
    for name in ("changes", "account_events", "instance_events"):
        assert tuple(each for batch in batches for each in getattr(batch, name)) == getattr(a_batch(), name)


def test_a_try_is_counted_in_everything() -> None:
    """After a try that came to nothing all that came in has been tried once more."""
    tried = a_batch().tried()
    assert [each.tries for each in tried.changes] == [1, 2]
    assert [each.tries for each in (*tried.account_events, *tried.instance_events)] == [1, 1]


def test_an_instance_event_names_no_account() -> None:
    """What happened to an application has an id of its own, and is no account's."""
    (said,) = a_batch().instance_events
    event = said.as_event()
    assert (event.account, event.account_key, event.data) == (None, None, {"app": APP})
    assert event.id != said.model_copy(update={"subject": "another"}).as_event().id
    assert event.id != said.model_copy(update={"version": "2"}).as_event().id


def test_an_account_event_says_which_registration_it_is_about() -> None:
    """An event of an account names its registration, and its log lines are joined by it."""
    anna = an_account()
    assert account_event(anna, EventName.ACCOUNT_ADDED, "1", START, {"account": "anna"}) == AccountEvent(
        account=anna.key,
        account_id="anna",
        incarnation="incarnation-1",
        event=EventName.ACCOUNT_ADDED,
        version="1",
        at=START,
        data={"account": "anna"},
        correlation="incarnation-1",
    )


def test_a_queue_message_of_a_former_release_is_read() -> None:
    """What lay on the queue before log lines were joined is taken as it is."""
    change = a_change().model_dump(mode="json")
    del change["correlation"]
    assert ChangeBatch.model_validate({"v": 1, "changes": [change]}).changes == (a_change(),)
