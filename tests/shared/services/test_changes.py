"""Changes become events: what each means, what cannot be told yet, and that nothing gets lost on the way."""

import json
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from shared.domain.accounts import account_key
from shared.domain.changes import AccountEvent, ChangeBatch, ChangeKind
from shared.domain.deliveries import DeliveryQuery
from shared.domain.errors import MailboxRefused, TryLater, WorkFailed
from shared.domain.events import EventName
from shared.domain.messages import Message
from shared.domain.sightings import sighting_key
from shared.ports.microsoft365 import NotThere, Unread
from tests.factories import MESSAGE, a_change, a_message, a_sighting
from tests.fakes.clock import START
from tests.fakes.faults import Faulty
from tests.shared.services.world import Died, Fate, Process, World

CREATED, UPDATED, DELETED = ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DELETED
LATER = START + timedelta(hours=1)
READ = frozenset({"\\Seen"})
REFUSED = MailboxRefused("Access is denied.", reason="ErrorAccessDenied", mend="Grant Mail.Read.")
OWN = "https://own.example.com/hook"


@pytest.fixture(autouse=True)
def anna(world: World) -> None:
    """Have an account that is connected."""
    world.connected()


def known(world: World, **changes: Any) -> None:
    """Have the message known as it was when it came."""
    world.sightings.put({sighting_key(account_key("anna"), MESSAGE, START): a_sighting(**changes)})


def touched(**changes: Any) -> Message:
    """Return the message after somebody touched it."""
    return a_message(**{"modified": LATER, "change_key": "CQAAABYAAAC2", **changes})


def account_event(**changes: Any) -> AccountEvent:
    """Return an event about the account itself."""
    values: dict[str, Any] = {
        "account": account_key("anna"),
        "account_id": "anna",
        "incarnation": "incarnation-1",
        "event": EventName.ACCOUNT_ADDED,
        "version": "incarnation-1",
        "at": START,
        "data": {"account": "anna"},
    }
    return AccountEvent(**{**values, **changes})


# --- what a change means ---


def test_a_new_message_is_told_and_remembered(world: World, process: Process) -> None:
    """A message that came just now is a messageNew with its folder; it costs one reading and no lookup."""
    world.reader.keep(a_message())
    process.expand(a_change())
    (body,) = world.sender.bodies()
    assert (body["event"], body["account"], body["path"], body["specialUse"]) == (
        "messageNew",
        "anna",
        "INBOX",
        "\\Inbox",
    )
    assert body["data"]["subject"] == "Hello"
    told = a_sighting(owner=world.account().registration)
    assert world.sightings.get(sighting_key(account_key("anna"), MESSAGE, START)) == told


def test_an_update_tells_what_came_and_went(world: World, process: Process) -> None:
    """A messageUpdated names the flags that were added and the categories that were deleted."""
    known(world, labels=("Red",))
    world.reader.keep(touched(flags=READ))
    process.expand(a_change(kind=UPDATED))
    (body,) = world.sender.bodies()
    assert body["event"] == "messageUpdated"
    assert body["data"]["changes"] == {
        "flags": {"added": ["\\Seen"], "value": ["\\Seen"]},
        "labels": {"deleted": ["Red"], "value": []},
    }


@pytest.mark.parametrize(
    "order", [[CREATED], [DELETED], *map(list, permutations([CREATED, DELETED])), [DELETED, UPDATED, CREATED]]
)
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "batches"])
def test_a_move_is_one_move(world: World, process: Process, order: list[ChangeKind], *, together: bool) -> None:
    """A move is one messageMoved, whatever Graph says of it, in whatever order."""
    known(world)
    world.reader.keep(touched(folder="archive-id"))
    said = [a_change(kind=kind) for kind in order]
    for batch in [said] if together else [[change] for change in said]:
        process.expand(*batch)
    process.expand_queued()
    (body,) = world.sender.bodies()
    assert (body["event"], body["path"]) == ("messageMoved", "Archive")


def test_a_deletion_is_told_when_the_message_is_gone(world: World, process: Process) -> None:
    """A messageDeleted needs both: Graph's word, and a mailbox without the message."""
    process.expand(a_change(kind=DELETED))
    assert world.sender.events() == ["messageDeleted"]


def test_a_failed_reading_is_no_deletion(world: World, process: Process) -> None:
    """A deletion is not told of a message that could not be read; once it is read, the truth comes out."""
    known(world)
    world.reader.keep(a_message())
    world.reader.next(MESSAGE, Unread(TryLater("Graph is throttled.")))
    process.expand(a_change(kind=DELETED))
    process.expand_queued()
    assert world.sender.events() == []


def test_what_cannot_be_digested_is_not_quoted(world: World, process: Process) -> None:
    """A message that makes us stumble is told by the kind of the failure; its words may be mail."""
    world.reader.next(MESSAGE, Unread(ValueError("Quarterly-figures")))
    process.expand(a_change(correlation="c1"))
    (line,) = world.log.named("message.unread")
    assert (line["account"], line["correlation"], line["error"]) == ("anna", "c1", "ValueError")
    assert "Quarterly-figures" not in str(world.log.lines)


def test_a_batch_names_what_it_is_about_where_that_is_one(world: World, process: Process) -> None:
    """The line of a batch names account and correlation where all of it shares them, and counts otherwise."""
    world.reader.keep(a_message(), a_message(id="other"))
    process.expand(a_change(correlation="c1"), a_change(message="other", correlation="c1"))
    process.expand(a_change(correlation="c2"), a_change(message="other", correlation="c3"))
    told = [(line["account"], line["correlation"], line["changes"]) for line in world.log.named("changes.expanded")]
    assert told == [("anna", "c1", 2), ("anna", None, 2)]
    assert {line["correlation"] for line in world.log.named("delivery.attempted")} == {"c1"}


def test_what_only_a_newer_version_understands_goes_on_alone(world: World, process: Process) -> None:
    """A change and an event of a newer version go back to the queue together, as they were; all else is told."""
    world.reader.keep(a_message())
    newer = ChangeBatch(
        changes=(a_change(kind="pinned", message="other"),), account_events=(account_event(event="accountPaused"),)
    )
    told = ChangeBatch(changes=(a_change(),), account_events=(account_event(),))
    mixed = ChangeBatch(changes=newer.changes + told.changes, account_events=newer.account_events + told.account_events)
    process.changes.expand(ChangeBatch.model_validate_json(mixed.model_dump_json()), redelivered=False)
    assert sorted(body["event"] for body in world.sender.bodies()) == ["accountAdded", "messageNew"]
    assert world.changes.bodies() == [newer]
    with pytest.raises(WorkFailed):
        process.changes.expand(newer, redelivered=False)
    assert world.log.problems() == ["changes.parted", "changes.unknown"]
    assert len(world.sender.bodies()) == 2


def test_a_lagging_copy_is_waited_for(world: World, process: Process) -> None:
    """A message that is not there yet is looked for again, and is new when it appears."""
    world.reader.next(MESSAGE, NotThere(), NotThere())
    world.reader.keep(a_message())
    process.expand(a_change())
    assert [message.due - START for message in world.changes.waiting()] == [timedelta(seconds=1)]
    process.expand_queued()
    assert world.sender.events() == ["messageNew"]


def test_a_message_that_never_appears_is_missing(world: World, process: Process) -> None:
    """After three more looks a created message that is not there is a messageMissing, and it ends there."""
    process.expand(a_change())
    process.expand_queued()
    (body,) = world.sender.bodies()
    assert (body["event"], body["data"]["missingRetries"]) == ("messageMissing", 3)
    assert world.changes.waiting() == []


def test_an_update_that_overtook_its_creation_is_new_in_the_end(world: World, process: Process) -> None:
    """Where `created` never comes, an unknown message is new and then updated, and it is read whole."""
    world.reader.keep(touched())
    process.expand(a_change(kind=UPDATED))
    assert world.sender.events() == []
    process.expand_queued()
    assert world.sender.events() == ["messageNew", "messageUpdated"]
    assert world.reader.rounds[-1][0].complete


def test_an_update_that_overtook_its_creation_is_told_once(world: World, process: Process) -> None:
    """Where `created` comes late, there is one messageNew, and the update that it tells already is not repeated."""
    world.reader.keep(touched(flags=READ))
    process.expand(a_change(kind=UPDATED))
    process.expand(a_change(kind=CREATED))
    process.expand_queued()
    assert world.sender.events() == ["messageNew"]


@pytest.mark.parametrize(("kind", "event"), [(UPDATED, "messageUpdated"), (CREATED, "messageMoved")])
def test_mail_from_before_is_never_new(world: World, process: Process, kind: ChangeKind, event: str) -> None:
    """A message that was there before we watched is updated or moved, and not new."""
    world.reader.keep(touched(created=START - timedelta(days=9)))
    process.expand(a_change(kind=kind))
    assert world.sender.events() == [event]


# --- once, and never lost ---


def test_a_duplicate_is_told_once(world: World, process: Process) -> None:
    """The same notification twice, in one batch and in another, makes one POST."""
    world.reader.keep(a_message())
    process.expand(a_change(), a_change())
    process.expand(a_change())
    assert world.sender.events() == ["messageNew"]


@pytest.mark.parametrize("kind", [CREATED, UPDATED, DELETED])
def test_a_redelivered_batch_is_told_once(world: World, process: Process, kind: ChangeKind) -> None:
    """A batch that comes again, to a process that remembers nothing, posts nothing that rows show as delivered."""
    if kind is not CREATED:
        known(world)
    if kind is not DELETED:
        world.reader.keep(touched(flags=READ))
    process.expand(a_change(kind=kind))
    world.process().expand(a_change(kind=kind), redelivered=True)
    assert len(world.sender.posts) == 1


@pytest.mark.parametrize("kind", [CREATED, DELETED])
def test_a_duplicate_that_nobody_remembers_lands_on_the_same_row(world: World, kind: ChangeKind) -> None:
    """The same word again, later, to a process that knows nothing, makes the same delivery and no second row."""
    world.process().expand(a_change(kind=kind, looks=3))
    world.process().expand(a_change(kind=kind, looks=3, seen=START + timedelta(seconds=2)), redelivered=True)
    assert len(world.deliveries.page(DeliveryQuery(), None, 10).items) == 1
    assert len(world.sender.posts) == 1


def test_a_repetition_sends_the_same_bytes(world: World) -> None:
    """What a message's event says of its time comes from the message, not from when we heard of it."""
    world.reader.keep(a_message())
    world.process().expand(a_change())
    world.process().expand(a_change(seen=LATER))
    first, second = world.sender.posts
    assert first.body == second.body
    assert json.loads(first.body)["date"] == "2026-03-02T09:30:00.000Z"


def dies_before_the_sighting(world: World) -> None:
    """Have a process tell an arrival and die before it has noted it."""
    faulty = Faulty(world.sightings)
    world.reader.keep(a_message())
    faulty.fail("put", RuntimeError("The worker is out of memory."))
    with pytest.raises(RuntimeError):
        world.process(lambda port: faulty if port is world.sightings else port).expand(a_change())


def test_a_change_does_not_hide_behind_a_repeated_arrival(world: World) -> None:
    """Where a process died after it told an arrival, a change since then is told besides, announced or not."""
    dies_before_the_sighting(world)
    world.reader.keep(touched(flags=READ))
    process = world.process()
    process.expand(a_change(), redelivered=True)
    process.expand_queued()
    assert world.sender.events() == ["messageNew", "messageUpdated"]


def test_a_change_does_not_hide_behind_an_arrival_that_is_not_found_at_first(world: World) -> None:
    """Who looks once more for an arrival that another process may have told compares what was told as well."""
    dies_before_the_sighting(world)
    world.reader.keep(touched(flags=READ, modified=START))
    world.reader.next(MESSAGE, NotThere())
    process = world.process()
    process.expand(a_change(), redelivered=True)
    process.expand_queued()
    assert world.sender.events() == ["messageNew", "messageUpdated"]


def test_a_change_of_the_same_second_does_not_hide_either(world: World) -> None:
    """What was told and what is there now are compared, for Graph's whole seconds do not tell that anything changed."""
    dies_before_the_sighting(world)
    world.reader.keep(touched(flags=READ, modified=START))
    world.process().expand(a_change(), redelivered=True)
    assert world.sender.events() == ["messageNew", "messageUpdated"]


def test_a_move_after_a_lost_arrival_is_told_as_one(world: World) -> None:
    """Where a process died between its POST and its row, and the mail was moved meanwhile, the move is told as one."""
    world.reader.keep(a_message())
    fate = Fate(at=1, after=True)
    with pytest.raises(Died):
        world.process(lambda port: fate.over(port) if port is world.sender else port).expand(a_change())
    world.reader.keep(touched(folder="archive-id"))
    process = world.process()
    process.expand(a_change())
    process.expand_queued()
    process.expand(a_change(kind=DELETED))
    process.expand(a_change(), redelivered=True)
    process.expand_queued()
    told = {body["event"]: body["path"] for body in world.sender.bodies()}
    assert told == {"messageNew": "Archive", "messageMoved": "Archive"}
