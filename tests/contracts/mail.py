"""What a backend promises of mail: what is done to a mailbox shows in it, and what is not there is said to be not."""

from datetime import UTC, datetime
from itertools import count

import pytest

from shared.domain.errors import Conflict, NotFound
from shared.domain.folders import FolderTree
from shared.domain.mailboxes import Mailbox
from shared.domain.messages import Message
from shared.ports.mail import MailBackend, Submission
from shared.ports.microsoft365 import NotThere, Reading, ReadRequest
from tests.fakes.mail_server import mail

_NUMBERS = count(1)


def read(backend: MailBackend, mailbox: Mailbox, *messages: str, complete: bool = True) -> list[Reading]:
    """Read messages of a mailbox."""
    return backend.read(
        [
            ReadRequest(mailbox.app, mailbox.user, message, complete, registration=mailbox.registration)
            for message in messages
        ]
    )


def added(backend: MailBackend, mailbox: Mailbox, folder: str = "INBOX", subject: str = "Hello") -> str:
    """Add a message and return its id."""
    identity = backend.append(mailbox, folder, mail(subject))
    assert identity is not None
    return identity


class MailContract:
    """A subclass gives the fixtures `backend`, `mailbox` (the user's own) and `shared` (one that the user may open)."""

    def test_what_is_added_is_read(self, backend: MailBackend, mailbox: Mailbox) -> None:
        """A message that was added is there, with its flags and its moment; readings come back in order."""
        came = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        first = backend.append(mailbox, "INBOX", mail("First"), flags=["\\Seen"], received=came)
        second = added(backend, mailbox, subject="Second")
        assert first is not None
        readings = read(backend, mailbox, second, "A" * 22, first)
        assert isinstance(readings[1], NotThere)
        messages = [reading for reading in readings if isinstance(reading, Message)]
        assert [(each.id, each.subject) for each in messages] == [(second, "Second"), (first, "First")]
        assert (messages[1].received, messages[1].flags, messages[1].size) == (came, {"\\Seen"}, len(mail("First")))

    def test_a_folder_is_listed_by_pages(self, backend: MailBackend, mailbox: Mailbox) -> None:
        """Pages show every message once, the newest first, and end."""
        path = f"Pages {next(_NUMBERS)}"
        backend.make_folder(mailbox, path)
        ids = [added(backend, mailbox, path, f"Number {number}") for number in range(5)]
        shown: list[str] = []
        page = backend.messages(mailbox, path, limit=2)
        while True:
            assert page.total == 5
            shown.extend(message.id for message in page.messages)
            if page.next is None:
                break
            page = backend.messages(mailbox, path, limit=2, page=page.next)
        assert shown == ids[::-1]
        assert page.messages[0].subject == "Number 0"

    def test_flags_come_and_go(self, backend: MailBackend, mailbox: Mailbox) -> None:
        """Flags are set and cleared; the message is the same one."""
        message = added(backend, mailbox)
        backend.flag(mailbox, message, add=["\\Seen", "\\Flagged"])
        backend.flag(mailbox, message, remove=["\\Seen"], add=["\\Answered"])
        (reading,) = read(backend, mailbox, message, complete=False)
        assert isinstance(reading, Message)
        assert reading.flags == {"\\Flagged", "\\Answered"}

    def test_a_move_gives_another_id(self, backend: MailBackend, mailbox: Mailbox) -> None:
        """A message that was moved is there under its new id, and not under the former one."""
        message = added(backend, mailbox, subject="Moves")
        moved = backend.move(mailbox, message, "Deleted Items")
        assert moved is not None
        gone, there = read(backend, mailbox, message, moved)
        assert isinstance(gone, NotThere)
        assert isinstance(there, Message)
        assert there.subject == "Moves"

    def test_the_trash_comes_first(self, backend: MailBackend, mailbox: Mailbox) -> None:
        """A deletion moves to the trash, a second one removes, and so does one for good."""
        message = added(backend, mailbox)
        trashed = backend.delete(mailbox, message)
        assert trashed is not None
        assert isinstance(read(backend, mailbox, trashed)[0], Message)
        assert backend.delete(mailbox, trashed) is None
        other = added(backend, mailbox)
        assert backend.delete(mailbox, other, for_good=True) is None
        assert [type(each) for each in read(backend, mailbox, trashed, other)] == [NotThere, NotThere]

    @pytest.mark.parametrize("message", ["x", "AAkALgAAAAAAHYQDEapmEc2byACqAC", "A" * 22, None])
    def test_what_is_not_there_is_not_found(self, backend: MailBackend, mailbox: Mailbox, message: str | None) -> None:
        """A message that is not there (here one that was) cannot be changed, moved or deleted."""
        if message is None:
            message = added(backend, mailbox)
            backend.delete(mailbox, message, for_good=True)
        for change in (
            lambda: backend.flag(mailbox, message, add=["\\Seen"]),
            lambda: backend.move(mailbox, message, "INBOX"),
            lambda: backend.delete(mailbox, message),
        ):
            with pytest.raises(NotFound):
                change()

    def test_a_folder_that_is_not_there(self, backend: MailBackend, mailbox: Mailbox) -> None:
        """Nothing is listed in, added to, or moved to a folder that is not there, and the message stays."""
        message = added(backend, mailbox)
        with pytest.raises(NotFound):
            backend.messages(mailbox, "Nowhere", limit=1)
        with pytest.raises(NotFound):
            backend.append(mailbox, "Nowhere", mail())
        with pytest.raises(NotFound):
            backend.move(mailbox, message, "Nowhere")
        assert isinstance(read(backend, mailbox, message)[0], Message)

    def test_folders_come_and_go(self, backend: MailBackend, mailbox: Mailbox) -> None:
        """A folder that was made is in the tree once, and one that was removed is not."""
        path = f'Äri & "co" {next(_NUMBERS)}'
        backend.make_folder(mailbox, path)
        with pytest.raises(Conflict):
            backend.make_folder(mailbox, path)
        assert paths(backend, mailbox).count(path) == 1
        backend.remove_folder(mailbox, path)
        assert path not in paths(backend, mailbox)
        with pytest.raises(NotFound):
            backend.remove_folder(mailbox, path)

    def test_the_tree_knows_special_uses(self, backend: MailBackend, mailbox: Mailbox) -> None:
        """The tree names the inbox, the sent items and the trash, under the ids that messages name."""
        message = added(backend, mailbox)
        found = tree(backend, mailbox)
        uses = {each.path: each.special_use for each in found.folders.values()}
        assert (uses["INBOX"], uses["Sent Items"], uses["Deleted Items"]) == ("\\Inbox", "\\Sent", "\\Trash")
        (reading,) = read(backend, mailbox, message, complete=False)
        assert isinstance(reading, Message)
        folder = found.find(reading.folder)
        assert folder is not None
        assert folder.path == "INBOX"

    def test_own_mail_is_kept_by_the_server(self, backend: MailBackend, mailbox: Mailbox) -> None:
        """What a user sends from the own mailbox gets no second copy from us."""
        before = backend.messages(mailbox, "Sent Items", limit=1).total
        sent = backend.send(mailbox, Submission(mailbox.user, ("customer@example.com",), mail("Own")))
        assert (sent.copy, sent.copy_problem) == (None, None)
        assert "OK" in sent.said
        assert backend.messages(mailbox, "Sent Items", limit=1).total == before

    def test_shared_mail_is_kept_in_the_shared_mailbox(self, backend: MailBackend, shared: Mailbox) -> None:
        """What is sent from a shared mailbox has its copy there, read already."""
        sent = backend.send(shared, Submission(shared.user, ("customer@example.com",), mail("Shared")))
        assert sent.copy is not None
        (copy,) = read(backend, shared, sent.copy)
        assert isinstance(copy, Message)
        assert (copy.subject, copy.flags) == ("Shared", {"\\Seen"})


def tree(backend: MailBackend, mailbox: Mailbox) -> FolderTree:
    """Return the folder tree of a mailbox."""
    return backend.probe(mailbox.app, mailbox.user, mailbox.registration)


def paths(backend: MailBackend, mailbox: Mailbox) -> list[str]:
    """Return the paths of a mailbox's folders."""
    return [folder.path for folder in tree(backend, mailbox).folders.values()]
