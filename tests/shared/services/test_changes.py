"""Changes become events: what each means, what cannot be told yet, and that nothing gets lost on the way."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from shared.domain.accounts import AccountState, NewAccount, account_key
from shared.domain.changes import AccountEvent, Change, ChangeBatch, ChangeKind
from shared.domain.deliveries import DeliveryQuery
from shared.domain.errors import MailboxRefused, TryLater
from shared.domain.events import EventName
from shared.domain.folders import Folder, FolderTree
from shared.domain.jobs import JobKind
from shared.domain.mailboxes import mailbox_key
from shared.domain.messages import Message
from shared.domain.permits import PLACES, VALID, Permit
from shared.domain.sightings import sighting_key
from shared.ports.microsoft365 import NotThere, Unread
from tests.factories import APP, HOOK, MESSAGE, a_change, a_message, a_sighting, an_app
from tests.fakes.clock import START
from tests.fakes.faults import Faulty
from tests.fakes.webhooks import FAILED
from tests.shared.services.world import Process, World

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
    assert world.sightings.get(sighting_key(account_key("anna"), MESSAGE, START)) == a_sighting()


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


def test_a_change_of_the_same_second_does_not_hide_either(world: World) -> None:
    """What was told and what is there now are compared, for Graph's whole seconds do not tell that anything changed."""
    dies_before_the_sighting(world)
    world.reader.keep(touched(flags=READ, modified=START))
    world.process().expand(a_change(), redelivered=True)
    assert world.sender.events() == ["messageNew", "messageUpdated"]


def test_a_move_behind_a_repeated_arrival_is_told_as_a_move(world: World) -> None:
    """Where a process died after it told an arrival, and the message was moved since, that is no update."""
    dies_before_the_sighting(world)
    world.reader.keep(touched(folder="archive-id"))
    process = world.process()
    process.expand(a_change(), redelivered=True)
    process.expand(a_change(kind=DELETED), a_change(kind=CREATED))
    process.expand_queued()
    assert world.sender.events() == ["messageNew", "messageMoved"]


def test_a_move_that_nobody_announced_is_found_behind_an_arrival_that_nobody_noted(world: World) -> None:
    """Where a process died before it noted an arrival, a look at the mailbox tells the move since, and no update."""
    dies_before_the_sighting(world)
    world.reader.keep(touched(folder="archive-id"))
    world.process().expand(a_change(found=True))
    assert world.sender.events() == ["messageNew", "messageMoved"]


@pytest.mark.parametrize(
    ("kind", "counted", "event"),
    [(CREATED, {"looks": 1}, "messageNew"), (UPDATED, {"tries": 1}, "messageUpdated")],
)
def test_an_event_in_other_hands_is_waited_for(
    world: World, process: Process, kind: ChangeKind, counted: dict[str, int], event: str
) -> None:
    """A batch that comes again while a thread still has its event in hand goes back to the queue, and is not lost."""
    if kind is UPDATED:
        known(world)
    world.reader.keep(a_message() if kind is CREATED else touched(flags=READ))
    again = ChangeBatch(changes=(a_change(kind=kind),))
    world.sender.meanwhile = lambda: process.changes.expand(again, redelivered=True)
    process.expand(a_change(kind=kind))
    assert [batch.changes for batch in world.changes.bodies()] == [(a_change(kind=kind, **counted),)]
    world.sender.meanwhile = lambda: None
    process.expand_queued()
    assert world.sender.events() == [event]
    assert world.changes.waiting() == []


def test_a_batch_in_two_threads_is_told_once(world: World, process: Process) -> None:
    """A duplicate that comes while the first is on its way is dropped, and leaves the first alone."""
    world.reader.keep(a_message())
    world.sender.meanwhile = lambda: process.expand(a_change())
    process.expand(a_change())
    assert world.sender.events() == ["messageNew"]
    assert len(list(world.deliveries.page(DeliveryQuery(), None, 10).items)) == 1


def test_many_threads_tell_each_message_once(world: World, process: Process) -> None:
    """Eight threads with the same twenty messages make twenty POSTs."""
    names = [f"message-{number}" for number in range(20)]
    world.reader.keep(*(a_message(id=name) for name in names))
    batch = [a_change(message=name) for name in names]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: process.expand(*batch), range(8)))
    assert sorted(body["data"]["id"] for body in world.sender.bodies()) == sorted(names)


def test_a_batch_that_failed_is_told_when_it_comes_again(world: World) -> None:
    """An event whose row could not be written is not remembered as told: the batch fails, and succeeds again."""
    faulty = Faulty(world.deliveries)
    process = world.process(lambda port: faulty if port is world.deliveries else port)
    world.reader.keep(a_message())
    faulty.fail("add", RuntimeError("The worker is out of memory."))
    with pytest.raises(RuntimeError):
        process.expand(a_change())
    process.expand(a_change(), redelivered=True)
    assert world.sender.events() == ["messageNew", "messageNew"]
    assert len({post.headers["webhook-id"] for post in world.sender.posts}) == 1


@pytest.mark.parametrize("store", ["accounts", "instance", "sightings", "deliveries", "vault"])
def test_an_outage_puts_the_batch_off(world: World, store: str) -> None:
    """While a table or the vault does not answer, the batch goes back to the queue; afterwards it is told."""
    faulty = Faulty(getattr(world, store))
    process = world.process(lambda port: faulty if port is getattr(world, store) else port)
    for method in ("get", "put", "add"):
        faulty.fail(method, TryLater("Storage is busy."))
    known(world)
    world.reader.keep(touched(flags=READ))
    world.changes.put(ChangeBatch(changes=(a_change(kind=UPDATED),)))
    process.expand_queued(until=timedelta(minutes=10))
    assert {body["event"] for body in world.sender.bodies()} == {"messageUpdated"}
    assert len({post.headers["webhook-id"] for post in world.sender.posts}) == 1
    assert "changes.postponed" in world.log.problems()


def test_a_failure_is_retried_and_the_batch_is_done(world: World, process: Process) -> None:
    """An endpoint's 500 leaves a retry behind and does not fail the batch."""
    world.reader.keep(a_message())
    world.sender.answer(FAILED)
    process.expand(a_change())
    assert [retry.number for retry in world.retries.bodies()] == [2]


def test_what_cannot_be_read_waits_longer_each_time(world: World, process: Process) -> None:
    """A message that cannot be read goes back to the queue with growing delays, and is told when it can be read."""
    busy = Unread(TryLater("Graph is throttled."))
    world.reader.next(MESSAGE, *[busy] * 8)
    world.reader.keep(a_message())
    process.expand(a_change())
    process.expand_queued(until=timedelta(hours=2))
    waits = [line["wait"] for line in world.log.named("message.unread")]
    assert waits == [2, 5, 15, 60, 300, 900, 900, 900]
    assert world.sender.events() == ["messageNew"]


def test_graph_says_how_long_to_wait(world: World, process: Process) -> None:
    """A Retry-After that is longer than our own delay is kept."""
    world.reader.next(MESSAGE, Unread(TryLater("Graph is throttled.", timedelta(seconds=77))))
    process.expand(a_change())
    (waiting,) = world.changes.waiting()
    assert waiting.due - START == timedelta(seconds=77)
    assert waiting.body.changes == (a_change(tries=1),)


def test_one_bad_message_does_not_fail_its_batch(world: World, process: Process) -> None:
    """The neighbours of a message that cannot be read are told at once; only it goes back."""
    world.reader.keep(a_message(id="good"))
    world.reader.next("bad", Unread(RuntimeError("What Graph answered makes no sense.")))
    process.expand(a_change(message="bad"), a_change(message="good"))
    assert [body["data"]["id"] for body in world.sender.bodies()] == ["good"]
    assert [change.message for batch in world.changes.bodies() for change in batch.changes] == ["bad"]


def test_refused_readings_have_the_account_connected_anew(world: World, process: Process) -> None:
    """A refusal that a human must mend queues one RECONNECT job for the whole batch, and the messages wait."""
    names = [f"message-{number}" for number in range(5)]
    for name in names:
        world.reader.next(name, *[Unread(REFUSED)] * 3)
    process.expand(*(a_change(message=name) for name in names))
    assert [job.kind for job in world.jobs.bodies()] == [JobKind.RECONNECT]
    world.mailboxes.troubles.add(REFUSED)
    process.work(until=timedelta())
    assert world.account().state is AccountState.CONNECT_ERROR
    own = world.jobs.bodies()
    process.expand_queued(until=timedelta(seconds=8))
    # Now the account asks by itself, and messages that are refused again ask for nothing.
    assert world.jobs.bodies() == own
    assert sum(len(batch.changes) for batch in world.changes.bodies()) == 5


def test_an_application_that_is_gone_loses_nothing(world: World, process: Process) -> None:
    """Without its application nothing can be read: the change waits until there is one."""
    world.apps.delete(world.account().app)
    process.expand(a_change())
    (waiting,) = world.changes.waiting()
    assert waiting.due - START == timedelta(minutes=15)


# --- whose, and whereto ---


@pytest.mark.parametrize("state", [None, AccountState.DELETED])
def test_a_stranger_is_dropped(world: World, process: Process, state: AccountState | None) -> None:
    """A change of an account that is unknown or deleted is dropped: nothing is read, posted or queued."""
    if state is not None:
        world.connected("gone", state=state)
    process.expand(a_change(account=account_key("gone")))
    assert (world.reader.rounds, world.sender.posts, world.changes.waiting()) == ([], [], [])


def test_an_account_that_came_back_is_no_stranger(world: World, process: Process) -> None:
    """A process that remembers the account as deleted looks again before it drops what is said of it."""
    world.process().accounts.remove("anna")
    process.expand(a_change(message="gone"))
    again = {"account": "anna", "oauth2": {"provider": APP, "auth": {"user": "anna@contoso.com"}}}
    world.process().register(NewAccount.model_validate(again))
    world.process().work()
    world.reader.keep(a_message())
    process.expand(a_change())
    assert world.sender.events() == ["messageNew"]


def test_what_was_said_can_be_followed_to_the_end(world: World, process: Process) -> None:
    """The correlation of a notification stands in the delivery's row and in the log line of every attempt."""
    world.reader.keep(a_message())
    world.sender.answer(FAILED)
    process.expand(a_change(correlation="request-1"))
    world.clock.advance(timedelta(minutes=1))
    (retry,) = world.retries.take()
    process.deliveries.attempt(retry.body, redelivered=False)
    (row,) = world.deliveries.page(DeliveryQuery(), None, 10).items
    assert row.correlation == "request-1"
    assert [line["correlation"] for line in world.log.named("delivery.attempted")] == ["request-1"] * 2


def test_a_delivery_is_as_old_as_its_notification(world: World, process: Process) -> None:
    """How long a delivery took is counted from when we heard of the event, not from when the mail came."""
    world.reader.keep(a_message())
    world.clock.advance(timedelta(hours=2))
    process.expand(a_change(seen=START + timedelta(hours=2) - timedelta(seconds=1)))
    (line,) = world.log.named("delivery.attempted")
    assert line["age"] == 1000


def test_an_unknown_folder_refreshes_the_tree(world: World, process: Process) -> None:
    """A folder that is younger than the tree has the tree read again, once."""
    world.mailboxes.tree = FolderTree(folders={"new-id": Folder(path="New")})
    world.reader.keep(a_message(id="one", folder="new-id"), a_message(id="two", folder="new-id"))
    process.expand(a_change(message="one"), a_change(message="two"))
    assert [body["path"] for body in world.sender.bodies()] == ["New", "New"]
    assert len(world.mailboxes.probed) == 1


def test_a_folder_that_stays_unknown_is_asked_for_seldom(world: World, process: Process) -> None:
    """Messages in a folder that the tree never shows are told, and the tree is read once in ten seconds for them."""
    for number in range(5):
        world.reader.keep(a_message(id=f"message-{number}", folder="hidden-id"))
        process.expand(a_change(message=f"message-{number}"))
    assert [body["path"] for body in world.sender.bodies()] == ["\\All"] * 5
    assert len(world.mailboxes.probed) == 1
    world.clock.advance(timedelta(seconds=10))
    world.reader.keep(a_message(id="later", folder="hidden-id"))
    process.expand(a_change(message="later"))
    assert len(world.mailboxes.probed) == 2


def test_a_tree_that_was_read_anew_serves_everybody(world: World, process: Process) -> None:
    """A tree that was read anew is stored: neither this process, a while later, nor another one reads it again."""
    world.mailboxes.tree = FolderTree(folders={"new-id": Folder(path="New")})
    world.reader.keep(*(a_message(id=name, folder="new-id") for name in ("one", "two", "three")))
    process.expand(a_change(message="one"))
    world.process().expand(a_change(message="two"))
    world.clock.advance(timedelta(seconds=11))
    process.expand(a_change(message="three"))
    assert [body["path"] for body in world.sender.bodies()] == ["New"] * 3
    assert len(world.mailboxes.probed) == 1


def test_a_tree_that_cannot_be_read_puts_the_message_off(world: World, process: Process) -> None:
    """Where the folder's name cannot be found out now, the message waits for it."""
    world.mailboxes.troubles.add(TryLater("Graph is throttled."))
    world.mailboxes.tree = FolderTree(folders={"new-id": Folder(path="New")})
    world.reader.keep(a_message(folder="new-id"))
    process.expand(a_change())
    assert world.sender.posts == []
    process.expand_queued()
    assert [body["path"] for body in world.sender.bodies()] == ["New"]


def test_an_own_webhook_replaces_the_default_one(world: World, process: Process) -> None:
    """An account with a webhook of its own has its events there, and nowhere else."""
    ben = world.connected("ben", webhooks=OWN)
    world.hook(ben.webhook, OWN)
    world.reader.keep(a_message(id="one"), a_message(id="two"))
    process.expand(a_change(message="one"), a_change(message="two", account=ben.key))
    assert {
        (post.url, body["account"]) for post, body in zip(world.sender.posts, world.sender.bodies(), strict=True)
    } == {
        (HOOK, "anna"),
        (OWN, "ben"),
    }


@pytest.mark.parametrize(
    ("settings", "events"),
    [
        ({"webhooks_enabled": False}, []),
        ({"webhook_events": ()}, []),
        ({"webhook_events": ("messageUpdated",)}, ["messageUpdated"]),
        ({"inbox_new_only": True}, ["messageNew inbox", "messageUpdated"]),
    ],
    ids=["switched off", "no events", "one event", "new mail of the inbox only"],
)
def test_settings_choose_the_events(world: World, settings: dict[str, Any], events: list[str]) -> None:
    """The instance's settings choose what is sent; what is not sent is remembered all the same."""
    world.set(**settings)
    known(world)
    archived = a_message(id="archived", folder="archive-id")
    world.reader.keep(touched(flags=READ), a_message(id="inbox"), archived)
    changes = [a_change(kind=UPDATED), a_change(message="inbox"), a_change(message="archived")]
    world.process().expand(*changes)
    told = [
        f"messageNew {body['data']['id']}" if body["event"] == "messageNew" else body["event"]
        for body in world.sender.bodies()
    ]
    assert sorted(told) == events
    assert world.sightings.get(sighting_key(account_key("anna"), "archived", START)) is not None


def test_settings_choose_the_content(world: World) -> None:
    """Headers and text go out as the settings say."""
    world.set(notify_headers=("x-spam",), notify_text=False)
    message = replace(a_message(), headers={"x-spam": ("no",), "received": ("by us",)})
    world.reader.keep(message)
    world.process().expand(a_change())
    assert world.sender.bodies()[0]["data"]["headers"] == {"x-spam": ["no"]}


def test_account_events_are_delivered_once(world: World, process: Process) -> None:
    """What an account says about itself is posted once, however often it is queued."""
    process.changes.expand(ChangeBatch(account_events=(account_event(),)), redelivered=False)
    world.process().changes.expand(ChangeBatch(account_events=(account_event(),)), redelivered=True)
    (body,) = world.sender.bodies()
    assert (body["event"], body["account"], body["data"]) == ("accountAdded", "anna", {"account": "anna"})


def test_account_events_of_two_registrations_are_two(world: World, process: Process) -> None:
    """An account that was deleted and registered again is added twice."""
    again = account_event(incarnation="incarnation-2", version="incarnation-2")
    process.changes.expand(ChangeBatch(account_events=(account_event(), again)), redelivered=False)
    assert len({post.headers["webhook-id"] for post in world.sender.posts}) == 2


def test_a_deleted_account_says_goodbye_to_its_own_webhook(world: World, process: Process) -> None:
    """The last event of an account with its own webhook goes there."""
    ben = world.connected("ben", webhooks=OWN, state=AccountState.DELETED)
    world.hook(ben.webhook, OWN)
    said = account_event(account=ben.key, account_id="ben", event=EventName.ACCOUNT_DELETED)
    process.changes.expand(ChangeBatch(account_events=(said,)), redelivered=False)
    assert [post.url for post in world.sender.posts] == [OWN]


# --- a crowded mailbox ---


def occupied(world: World) -> None:
    """Have other processes hold every place of anna's mailbox for a while."""
    mailbox = mailbox_key(an_app(), world.account().user)
    for place in range(PLACES):
        world.permits.insert(Permit(mailbox=mailbox, place=place, holder=f"other-{place}", until=START + VALID))


def burst(number: int = 10) -> list[Change]:
    """Return changes about so many messages."""
    return [a_change(message=f"m{index}") for index in range(number)]


def test_changes_at_an_easy_pace_need_no_permit(world: World, process: Process) -> None:
    """A mailbox that is not crowded costs no request for a permit."""
    for change in burst():
        process.expand(change)
        world.clock.advance(timedelta(seconds=1))
    assert world.permits.requests == 0


@pytest.mark.parametrize("marked", [True, False], ids=["told by the ingress", "seen here"])
def test_a_crowded_mailbox_waits_for_room(world: World, process: Process, *, marked: bool) -> None:
    """
    Where other processes have all places, a crowd waits on the queue for a moment, and no try is counted.

    A crowd is what the ingress marked, or what comes together here. Other mailboxes are told at once.
    """
    world.connected("berta")
    world.reader.keep(*(a_message(id=f"m{index}") for index in range(10)), a_message(id="other"))
    occupied(world)
    crowd = [change.model_copy(update={"crowded": True}) for change in burst(1)] if marked else burst()
    process.expand(*crowd, a_change(account=account_key("berta"), message="other"))
    assert [body["data"]["id"] for body in world.sender.bodies()] == ["other"]
    (waiting,) = world.changes.waiting()
    assert timedelta() < waiting.due - world.clock.now() <= timedelta(seconds=2)
    assert waiting.body.changes == tuple(change.model_copy(update={"crowded": True}) for change in crowd)
    process.expand_queued()
    assert len(world.sender.bodies()) == 1 + len(crowd)
    assert world.changes.waiting() == []


def test_who_waits_for_room_after_a_crash_stays_suspicious(world: World, process: Process) -> None:
    """A batch that came again may have been told in part, which is not forgotten while it waits."""
    occupied(world)
    process.expand(a_change(crowded=True), redelivered=True)
    (waiting,) = world.changes.waiting()
    assert [change.tries for change in waiting.body.changes] == [1]


def test_permits_that_cannot_be_had_lose_nothing(world: World) -> None:
    """While storage does not say who may read, the whole batch goes back, and is told once it does."""
    faulty = Faulty(world.permits)
    process = world.process(lambda port: faulty.port if port is world.permits else port)
    world.reader.keep(*(a_message(id=f"m{index}") for index in range(10)))
    faulty.fail("of", TryLater("Storage cannot be reached."))
    process.expand(*burst())
    assert world.sender.bodies() == []
    process.expand_queued()
    assert len(world.sender.bodies()) == 10
