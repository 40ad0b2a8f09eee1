"""What happens in a mailbox on a real server becomes changes, once, in the right words."""

import asyncio
from datetime import timedelta

import pytest

from shared.domain.imap_ids import folder_id, message_id
from shared.domain.oauth2 import OAuth2App
from shared.ports.sign_ins import Refreshed
from sidecar.timetable import Pace
from tests.fakes.mail_server import MailServer, mail
from tests.sidecar.conftest import Connect
from tests.sidecar.ground import ARCHIVE, INBOX, Ground, until

PAUSE = 1.2


@pytest.fixture
def ground(mail_server: MailServer) -> Ground:
    """Return a mailbox with one message in its inbox, and an empty archive."""
    ground = Ground(mail_server)
    ground.server.deliver(ground.box, mail("Old"))
    ground.server.create_folder(ground.box, "Archive")
    return ground


def test_new_mail_is_told_and_old_is_not(ground: Ground) -> None:
    """What was there before is not told; what comes is, wherever it comes."""

    async def run() -> None:
        async with ground.session():
            assert ground.changes() == []
            await ground.do(ground.server.deliver, ground.box, mail("New"))
            await until(ground.told)
            await ground.do(ground.server.append, ground.box, mail("Filed"), "Archive")
            await until(lambda: len(ground.told()) == 2)
        assert ground.told() == [("created", INBOX, 2), ("created", ARCHIVE, 1)]
        first = ground.changes()[0]
        assert (first.exact, first.version, first.account) == (True, "", ground.account().key)

    asyncio.run(run())


def test_a_shared_mailbox_opens_with_the_same_grant(mail_server: MailServer, ground: Ground) -> None:
    """The principal's sign-in opens a mailbox that he may open, and what comes there is that account's."""
    shared = mail_server.mailbox(ground.box)
    ground.register("help", auth={"delegatedUser": shared, "delegatedAccount": "own"})

    async def run() -> None:
        async with ground.session(), ground.session("help"):
            await ground.do(ground.server.deliver, shared, mail())
            await until(ground.changes)
        assert [change.account for change in ground.changes()] == [ground.account("help").key]

    asyncio.run(run())


def test_flags_and_departures_are_told(ground: Ground) -> None:
    """New flags come with the former ones and a version of their own each time; what is expunged is deleted."""

    async def run() -> None:
        async with ground.session():
            for number, on in enumerate([True, False, True], start=1):
                await ground.do(ground.server.flag, ground.box, 1, "\\Seen", on=on)
                await until(lambda number=number: len(ground.changes()) == number)
            await ground.do(ground.server.expunge, ground.box, 1)
            await until(lambda: len(ground.changes()) == 4)
        kinds = [(change.kind, change.former_flags) for change in ground.changes()]
        assert kinds == [("updated", ()), ("updated", ("\\Seen",)), ("updated", ()), ("deleted", None)]
        assert len({change.version for change in ground.changes()[:3]}) == 3

    asyncio.run(run())


def test_a_move_is_told_once(ground: Ground) -> None:
    """A message that moves between watched folders is moved, there and back, and neither gone nor new."""

    async def run() -> None:
        async with ground.session():
            await ground.do(ground.server.move, ground.box, 1, "INBOX", "Archive")
            await until(ground.changes)
            await ground.do(ground.server.move, ground.box, 1, "Archive", "INBOX")
            await until(lambda: len(ground.changes()) > 1)
            await asyncio.sleep(PAUSE)
        assert ground.told() == [("moved", ARCHIVE, 1), ("moved", INBOX, 2)]
        there, back = ground.changes()
        assert back.former == there.message

    asyncio.run(run())


def test_a_copy_is_new(ground: Ground, connect: Connect) -> None:
    """A message whose likeness stays where it was is told as new, after a closer look."""

    async def run() -> None:
        async with ground.session(), connect(ground.box) as other:
            await other.run(b"SELECT INBOX")
            await other.run(b'UID COPY 1 "Archive"')
            await until(ground.changes)
        assert ground.told() == [("created", ARCHIVE, 1)]

    asyncio.run(run())


def test_folders_come_and_go(ground: Ground) -> None:
    """A new folder is told with what is in it, a removed one without: its mail went with it."""

    async def run() -> None:
        async with ground.session():
            await ground.do(ground.server.create_folder, ground.box, "Projects/2026")
            await ground.do(ground.server.append, ground.box, mail("Filed"), "Projects/2026")
            await until(ground.changes)
            await ground.do(ground.server.delete_folder, ground.box, "Projects/2026")
            await until(lambda: len(ground.events()) > 1)
            await asyncio.sleep(PAUSE)
        assert ground.told() == [("created", folder_id("Projects/2026"), 1)]
        made, removed = [event for event in ground.events() if event.data["path"] == "Projects/2026"]
        assert (made.event, removed.event) == ("mailboxNew", "mailboxDeleted")
        assert (made.data["name"], made.data["specialUse"]) == ("2026", False)
        assert removed.data == {"path": "Projects/2026", "name": "2026", "specialUse": False}

    asyncio.run(run())


def test_a_renamed_folder_s_mail_is_moved(ground: Ground, connect: Connect) -> None:
    """Renaming a folder removes one and makes another, and tells the new id of what is in it."""
    ground.server.create_folder(ground.box, "Before")
    ground.server.append(ground.box, mail("Filed"), "Before")

    async def run() -> None:
        async with ground.session(), connect(ground.box) as other:
            await other.run(b'RENAME "Before" "After"')
            await until(ground.changes)
        assert {event.event for event in ground.events()} == {"mailboxNew", "mailboxDeleted"}
        (moved,) = ground.changes()
        assert moved.kind == "moved"
        assert moved.former is not None
        assert moved.former.startswith(folder_id("Before")[:10])

    asyncio.run(run())


@pytest.mark.parametrize("folder", ["INBOX", "Archive"])
def test_a_new_numbering_is_one_event(ground: Ground, folder: str) -> None:
    """A folder that numbers its messages anew is told as reset, and its mail not as new."""
    ground.server.append(ground.box, mail("Filed"), "Archive")

    async def run() -> None:
        async with ground.session():
            pass
        await ground.do(ground.server.reset_uidvalidity, ground.box, 4242, folder)
        async with ground.session():
            await until(ground.events)
            await ground.do(ground.server.append, ground.box, mail("Later"), folder)
            await until(ground.changes)
        (event,) = ground.events()
        assert (event.event, event.data["path"], event.data["uidValidity"]) == ("mailboxReset", folder, "4242")
        assert event.data["reason"] == "uidValidityChange"
        (change,) = ground.changes()
        assert change.message == message_id(folder_id(folder), 4242, 2)

    asyncio.run(run())


def test_nothing_is_missed_while_nobody_looks(ground: Ground) -> None:
    """What comes, goes, moves and changes between two sessions is told by the second."""
    for number in range(3):
        ground.server.deliver(ground.box, mail(body="x" * number))

    async def run() -> None:
        async with ground.session():
            pass
        await ground.do(ground.server.deliver, ground.box, mail("While away"))
        await ground.do(ground.server.flag, ground.box, 2, "\\Flagged")
        await ground.do(ground.server.expunge, ground.box, 3)
        await ground.do(ground.server.move, ground.box, 4, "INBOX", "Archive")
        await ground.do(ground.server.create_folder, ground.box, "Made")
        await ground.do(ground.server.append, ground.box, mail("Made meanwhile"), "Made")
        async with ground.session():
            await until(lambda: len(ground.changes()) >= 5)
        assert sorted(ground.told()) == sorted(
            [
                ("created", INBOX, 5),
                ("updated", INBOX, 2),
                ("deleted", INBOX, 3),
                ("moved", ARCHIVE, 1),
                ("created", folder_id("Made"), 1),
            ]
        )

    asyncio.run(run())


def test_only_the_named_folders_are_watched(mail_server: MailServer) -> None:
    """An account's path names its folders; one with a connection of its own is told as soon as the inbox."""
    ground = Ground(mail_server, path=["INBOX", "Archive"], subconnections=["Archive"])
    ground.pace = Pace(poll=3600, scan=3600)
    for folder in ("Archive", "Other"):
        ground.server.create_folder(ground.box, folder)

    async def run() -> None:
        async with ground.session():
            for folder in ("Other", "Archive"):
                await ground.do(ground.server.append, ground.box, mail(), folder)
            await until(ground.changes)
        assert ground.told() == [("created", ARCHIVE, 1)]
        assert {each.mirror.path for each in ground.world.mirrors.all(ground.account().key)} == {"INBOX", "Archive"}

    asyncio.run(run())


def test_another_choice_of_folders_is_no_news(ground: Ground) -> None:
    """A folder that the account names later is watched from then on; what is in it was there before."""
    ground.world.rewrite(ground.account(), options={"path": ["INBOX"]})
    ground.server.append(ground.box, mail(), "Archive")

    async def run() -> None:
        async with ground.session():
            pass
        ground.world.rewrite(ground.account(), options={"path": "*"})
        async with ground.session():
            await ground.do(ground.server.append, ground.box, mail(), "Archive")
            await until(ground.changes)
        assert (ground.told(), ground.events()) == ([("created", ARCHIVE, 2)], [])

    asyncio.run(run())


def test_a_session_outlives_its_token(ground: Ground) -> None:
    """Before the token ends another connection takes over, and what comes on the way is told, once."""
    ground.tokens.lifetime = timedelta(seconds=1)
    refresh, renewals = ground.tokens.refresh, 0

    def refresh_while_mail_comes(app: OAuth2App, refresh_token: str) -> Refreshed:
        nonlocal renewals
        ground.server.deliver(ground.box, mail())
        renewals += 1
        return refresh(app, refresh_token)

    async def run() -> None:
        async with ground.session():
            ground.tokens.refresh = refresh_while_mail_comes  # type: ignore[method-assign]  the same, at a bad moment
            while renewals < 2:
                ground.world.clock.advance(timedelta(seconds=1))
                await asyncio.sleep(0.05)
            await until(lambda: len(ground.changes()) >= renewals)
        assert ground.told() == [("created", INBOX, uid) for uid in range(2, 2 + renewals)]

    asyncio.run(run())
