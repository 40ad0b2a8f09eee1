"""Mail through the sidecar: the real client, the real API, a real mail server."""

from collections.abc import Iterator

import pytest

from shared.adapters.sidecar.client import SidecarClient
from shared.adapters.sidecar.mail import SidecarMail
from shared.domain.errors import GrantRefused, MailboxRefused, NoSidecar, NotFound, SignInRefused, TryLater
from shared.domain.mailboxes import Mailbox, Registration, mailbox_of
from shared.domain.messages import Message
from shared.ports.mail import MailBackend, Submission
from shared.ports.microsoft365 import NotThere, ReadRequest, Unread
from tests.contracts.mail import MailContract, added, read
from tests.factories import an_outlook_app
from tests.fakes.mail_server import MailServer, mail
from tests.fakes.sidecar_process import KEY, SidecarProcess, running

APP = an_outlook_app()


@pytest.fixture(scope="module")
def sidecar(mail_server: MailServer) -> Iterator[SidecarProcess]:
    """Return a sidecar that runs."""
    with running(mail_server) as process:
        yield process


def furnished(sidecar: SidecarProcess, *delegates: str, principal: str | None = None) -> Mailbox:
    """Return a mailbox with the folders that Exchange makes."""
    dovecot, address = sidecar.mail_server.dovecot, sidecar.mail_server.mailbox(*delegates)
    for folder in ("Sent Items", "Deleted Items"):
        dovecot.create_folder(address, folder)
    return mailbox_of(sidecar.account(address, principal), APP)


class TestSidecarMail(MailContract):
    """Mail on a real server."""

    @pytest.fixture(scope="class")
    def backend(self, sidecar: SidecarProcess) -> MailBackend:
        """Return the client."""
        return SidecarMail(SidecarClient(sidecar.url, KEY))

    @pytest.fixture(scope="class")
    def mailbox(self, sidecar: SidecarProcess) -> Mailbox:
        """Return the user's own mailbox."""
        return furnished(sidecar)

    @pytest.fixture(scope="class")
    def shared(self, sidecar: SidecarProcess, mailbox: Mailbox) -> Mailbox:
        """Return a mailbox that the user may open."""
        return furnished(sidecar, mailbox.user, principal=mailbox.user)


@pytest.fixture
def backend(sidecar: SidecarProcess) -> SidecarMail:
    """Return the client."""
    return SidecarMail(SidecarClient(sidecar.url, KEY))


def test_many_mailboxes_are_read_in_one_call(sidecar: SidecarProcess, backend: SidecarMail) -> None:
    """Readings come back in the order of the requests, and a mailbox that cannot be opened concerns itself only."""
    boxes = [furnished(sidecar) for _ in range(3)]
    ids = [added(backend, box, subject=box.user) for box in boxes]
    sidecar.mail_server.dovecot.revoke(boxes[1].user)
    sidecar.tokens.refused.add(boxes[1].user)
    stranger = Registration("nobody", "1")
    requests = [
        ReadRequest(APP, box.user, message, complete=True, registration=box.registration)
        for box, message in zip([*boxes, *boxes], [*ids, *ids], strict=True)
    ]
    requests.insert(1, ReadRequest(APP, "nobody", ids[0], complete=True, registration=stranger))
    sidecar.accounts.get(boxes[1].registration.account)
    readings = backend.read(requests)
    assert [reading.subject for reading in readings if isinstance(reading, Message)] == [
        boxes[0].user,
        *([boxes[1].user] if isinstance(readings[2], Message) else []),
        boxes[2].user,
        boxes[0].user,
        *([boxes[1].user] if isinstance(readings[5], Message) else []),
        boxes[2].user,
    ]
    refused = readings[1]
    assert isinstance(refused, Unread)
    assert isinstance(refused.error, NotFound)


def test_a_revoked_grant_is_told_as_it_is(sidecar: SidecarProcess, backend: SidecarMail) -> None:
    """A grant that Entra takes no more arrives as such, with what to do."""
    box = furnished(sidecar)
    sidecar.tokens.refused.add(box.user)
    with pytest.raises(GrantRefused) as refused:
        backend.probe(APP, box.user, box.registration)
    assert (refused.value.reason, "sign in" in refused.value.mend.lower()) == ("AADSTS50173", True)


def test_a_missing_permission_is_a_refused_sign_in(sidecar: SidecarProcess, backend: SidecarMail) -> None:
    """A mailbox that the user may not open is refused for good, after a second try with a fresh token."""
    owner, delegate = furnished(sidecar), furnished(sidecar)
    mine = mailbox_of(sidecar.account(sidecar.mail_server.mailbox(), delegate.user), APP)
    with pytest.raises(SignInRefused) as refused:
        backend.probe(APP, mine.user, mine.registration)
    assert refused.value.reason == "SignInRefused"
    assert sidecar.tokens.asked.count(delegate.user) == 2
    assert backend.probe(APP, owner.user, owner.registration).folders


def test_an_expired_token_is_replaced(sidecar: SidecarProcess, backend: SidecarMail) -> None:
    """A token that the server takes no more is replaced, for reading and for sending, and nobody notices."""
    for act in ("probe", "send"):
        box = furnished(sidecar)
        sidecar.tokens.expired.add(box.user)
        if act == "probe":
            assert backend.probe(APP, box.user, box.registration).folders
        else:
            assert backend.send(box, Submission(box.user, ("customer@example.com",), mail())).said
        assert sidecar.tokens.asked.count(box.user) == 2


def test_a_user_sends_in_the_name_of_the_shared_mailbox(sidecar: SidecarProcess, backend: SidecarMail) -> None:
    """The envelope names the shared mailbox, and what the server rewrote the Message-ID to is told where it is."""
    own = furnished(sidecar)
    shared = furnished(sidecar, own.user, principal=own.user)
    backend.send(shared, Submission(shared.user, ("one@example.com", "two@example.com"), mail("Dear all")))
    taken = sidecar.mail_server.sink.taken[-1]
    assert (taken.mail_from, taken.rcpt_tos) == (shared.user, ["one@example.com", "two@example.com"])


def test_a_copy_that_fails_fails_nothing(sidecar: SidecarProcess, backend: SidecarMail) -> None:
    """A message that is sent stays sent, though the shared mailbox has no folder for its copy: the answer says so."""
    own = furnished(sidecar)
    shared = mailbox_of(sidecar.account(sidecar.mail_server.mailbox(own.user), own.user), APP)
    sent = backend.send(shared, Submission(shared.user, ("customer@example.com",), mail()))
    assert sent.copy is None
    assert sent.copy_problem == "The mailbox has no folder for sent items."


def test_a_renumbered_folder_holds_other_messages(sidecar: SidecarProcess, backend: SidecarMail) -> None:
    """An id of before a change of UIDVALIDITY names nothing any more, whatever has that UID now."""
    box = furnished(sidecar)
    message = added(backend, box)
    sidecar.mail_server.dovecot.reset_uidvalidity(box.user, 777)
    assert read(backend, box, message) == [NotThere()]


def test_nobody_there(sidecar: SidecarProcess) -> None:
    """Where no sidecar listens, or it has another key, readings and calls say so and pass."""
    box = furnished(sidecar)
    for client in (SidecarClient("http://127.0.0.1:1", KEY), SidecarClient(sidecar.url, "x" * 32)):
        backend = SidecarMail(client)
        (reading,) = read(backend, box, "A" * 22)
        assert isinstance(reading, Unread)
        assert isinstance(reading.error, NoSidecar)
        with pytest.raises(NoSidecar):
            backend.messages(box, "INBOX", limit=1)


def test_an_application_alone_opens_nothing(backend: SidecarMail) -> None:
    """Without an account there is no grant to open a mailbox with."""
    with pytest.raises(TryLater, match="account"):
        backend.probe(APP, "anna@contoso.com")


def test_refusals_are_errors_of_ours(sidecar: SidecarProcess) -> None:
    """MailboxRefused is what a mailbox that a human must mend arrives as."""
    assert issubclass(MailboxRefused, Exception)
    assert sidecar.url
