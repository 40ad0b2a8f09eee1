"""Changes that the sidecar found become events, once each, whatever happens in between."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import Account, AccountState
from shared.domain.changes import Change, ChangeKind
from shared.domain.errors import MailboxRefused, NoSidecar, TryLater
from shared.domain.folders import Folder, FolderTree
from shared.domain.imap_ids import folder_id, message_id
from shared.domain.jobs import JobKind
from shared.domain.mailboxes import mailbox_of
from shared.ports.microsoft365 import NotThere, Unread
from tests.factories import APP, an_account, an_outlook_app
from tests.fakes.clock import START
from tests.fakes.mail_server import mail
from tests.shared.services.world import Died, Fate, Process, World

INBOX, ARCHIVE = folder_id("INBOX"), folder_id("Archive")
TREE = FolderTree(
    folders={INBOX: Folder(path="INBOX", special_use="\\Inbox"), ARCHIVE: Folder(path="Archive", special_use=None)}
)
GONE = message_id(INBOX, 7, 900)
REFUSED = MailboxRefused("No right.", reason="ProtocolDisabled", mend="Enable IMAP.")


@pytest.fixture
def world() -> World:
    """Return a world with an account whose user signed in."""
    return furnished()


def furnished() -> World:
    """Return a world with an account whose user signed in."""
    world = World()
    world.furnish()
    world.apps.delete(APP)
    world.apps.insert(an_outlook_app())
    account = an_account(state=AccountState.CONNECTED, initialized=True, grant="grant", principal="anna@contoso.com")
    world.accounts.insert(account)
    world.folders.put(account.key, TREE)
    return world


def change(kind: ChangeKind, message: str = GONE, **changes: Any) -> Change:
    """Return what the sidecar says."""
    return Change(account=an_account().key, kind=kind, message=message, seen=START, exact=True, **changes)


def arrived(world: World, raw: bytes | None = None) -> str:
    """Have a message come, and return its id."""
    return world.sidecar.arrive(an_account().key, raw or mail("Hello"))


def anna(world: World) -> Account:
    """Return the account."""
    return world.account("anna")


def test_the_exact_bytes_of_an_arrival(world: World, process: Process) -> None:
    """A messageNew names the message by id, UID and path; the sidecar is asked once, in the account's name."""
    message = arrived(world)
    process.expand(change(ChangeKind.CREATED, message))
    (post,) = world.sender.posts
    assert post.body == (
        b'{"serviceUrl":"https://relay.example.com","account":"anna","date":"2026-03-02T09:30:00.000Z","path":"INBOX",'
        b'"specialUse":"\\\\Inbox","event":"messageNew","data":{"id":"%s","uid":1,"path":"INBOX",'
        b'"date":"2026-03-02T09:30:00.000Z","flags":[],"unseen":true,"size":%d,"subject":"Hello","seemsLikeNew":true,'
        b'"messageSpecialUse":"\\\\Inbox"}}' % (message.encode(), len(mail("Hello")))
    )
    ((request,),) = world.sidecar.rounds
    assert request.registration is not None
    assert (request.registration.account, request.registration.incarnation) == (anna(world).key, "incarnation-1")
    assert (request.complete, world.reader.rounds) == (True, [])


def test_all_that_happened_to_a_message_is_told(world: World, process: Process) -> None:
    """Changes that are no arrivals are told without a reading, each with its own id; a flag that toggles, each time."""
    moved = message_id(ARCHIVE, 9, 3)
    process.expand(
        change(ChangeKind.UPDATED, version="1-Seen", flags=("\\Seen",), former_flags=()),
        change(ChangeKind.UPDATED, version="2-", flags=(), former_flags=("\\Seen",)),
        change(ChangeKind.UPDATED, version="3-Seen", flags=("\\Seen",), former_flags=()),
        change(ChangeKind.MOVED, moved, former=GONE),
        change(ChangeKind.DELETED, moved),
    )
    bodies = sorted(world.sender.bodies(), key=lambda body: (body["event"], str(body["data"])))
    assert [(body["event"], body["path"], body["data"]["uid"]) for body in bodies] == [
        ("messageDeleted", "Archive", 3),
        ("messageMoved", "Archive", 3),
        *[("messageUpdated", "INBOX", 900)] * 3,
    ]
    assert bodies[1]["data"]["previous"] == {"id": GONE, "uid": 900}
    assert world.sidecar.rounds == []
    assert len({post.headers["webhook-id"] for post in world.sender.posts}) == 5


def test_a_repetition_is_no_second_event(world: World) -> None:
    """What a crash or a takeover repeats, seen later and by another process, has the same ids and goes out once."""
    message = arrived(world)
    said = [
        change(ChangeKind.CREATED, message),
        change(ChangeKind.UPDATED, version="1-Seen", flags=("\\Seen",), former_flags=()),
        change(ChangeKind.DELETED),
    ]
    world.process().expand(*said)
    first = {post.headers["webhook-id"] for post in world.sender.posts}
    later = [each.model_copy(update={"seen": START + timedelta(minutes=1)}) for each in said]
    world.process().expand(*later, redelivered=True)
    assert {post.headers["webhook-id"] for post in world.sender.posts} == first
    assert len(first) == len(world.sender.posts) == 3


def test_no_memory_is_kept_of_exact_changes(world: World, process: Process) -> None:
    """No sighting is written, and a crowd of changes needs no permit: the mirror is the memory."""
    messages = [arrived(world, mail(f"Number {number}")) for number in range(30)]
    process.expand(*(change(ChangeKind.CREATED, message) for message in messages))
    process.expand_queued()
    assert world.sender.events() == ["messageNew"] * 30
    assert world.permits.requests == 0
    assert [len(some) for some in world.sidecar.rounds] == [20, 10]


def test_an_arrival_that_cannot_be_shown_yet(world: World, process: Process) -> None:
    """A message that the server lists and does not show is looked for again; one that stays away is missing."""
    message = arrived(world)
    world.sidecar.next(message, NotThere(), NotThere())
    process.expand(change(ChangeKind.CREATED, message), change(ChangeKind.CREATED))
    assert world.sender.events() == []
    process.expand_queued()
    assert sorted(world.sender.events()) == ["messageMissing", "messageNew"]


def test_without_a_sidecar_changes_wait(world: World, process: Process) -> None:
    """What cannot be read now goes back to the queue, and is told once the sidecar answers."""
    message = arrived(world)
    world.sidecar.next(message, Unread(NoSidecar()), Unread(TryLater("Throttled.")))
    process.expand(change(ChangeKind.CREATED, message))
    assert world.sender.events() == []
    process.expand_queued()
    assert world.sender.events() == ["messageNew"]


def test_a_folder_nobody_knows_is_asked_for(world: World, process: Process) -> None:
    """A folder that is younger than the kept tree is asked for; where that fails, the change waits."""
    unknown = message_id(folder_id("Projects"), 3, 1)
    world.sidecar.troubles.add(TryLater("Busy."))
    process.expand(change(ChangeKind.DELETED, unknown))
    assert world.sender.events() == []
    mailbox = mailbox_of(anna(world), an_outlook_app())
    world.sidecar.make_folder(mailbox, "Projects")
    process.expand_queued()
    (body,) = world.sender.bodies()
    assert (body["event"], body["path"]) == ("messageDeleted", "Projects")


def test_a_refused_mailbox_is_looked_at(world: World, process: Process) -> None:
    """A mailbox that is refused has its account looked at, once; the change is kept."""
    message = arrived(world)
    world.sidecar.next(message, Unread(REFUSED))
    process.expand(change(ChangeKind.CREATED, message))
    assert [job.kind for job in world.jobs.bodies()] == [JobKind.RECONNECT]
    process.expand_queued()
    assert world.sender.events() == ["messageNew"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_no_death_loses_or_invents_an_event(*, after: bool) -> None:
    """Wherever a process dies, its batch that comes again and a repetition tell each change, under one id."""
    deaths = 0
    for at in range(1, 60):
        world = furnished()
        message = arrived(world)
        said = [
            change(ChangeKind.CREATED, message),
            change(ChangeKind.UPDATED, message, version="1-Seen", flags=("\\Seen",), former_flags=()),
            change(ChangeKind.MOVED, message_id(ARCHIVE, 9, 3), former=message),
        ]
        fate = Fate(at=at, after=after)
        try:
            world.process(fate.over).expand(*said)
        except Died:
            deaths += 1
        process = world.process()
        process.expand(*said, redelivered=True)
        later = [each.model_copy(update={"seen": START + timedelta(minutes=1)}) for each in said]
        world.process().expand(*later)
        process.expand_queued()
        told = {(post.headers["webhook-id"], json.loads(post.body)["event"]) for post in world.sender.posts}
        assert sorted(event for _, event in told) == ["messageMoved", "messageNew", "messageUpdated"]
    assert deaths > 5
