"""Mail through the sidecar: the real client, the real API, a real mail server."""

from collections.abc import Iterator

import pytest

from shared.adapters.sidecar.client import SidecarClient
from shared.adapters.sidecar.mail import SidecarMail
from shared.domain.errors import GrantRefused, NoSidecar, NotFound, SignInRefused, TryLater
from shared.domain.mailboxes import Mailbox, mailbox_of
from shared.domain.messages import Message
from shared.ports.mail import Submission
from shared.ports.microsoft365 import NotThere, ReadRequest, Unread
from tests.contracts.mail import MailContract, added, read
from tests.factories import an_account, an_outlook_app
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


@pytest.fixture(scope="module")
def backend(sidecar: SidecarProcess) -> SidecarMail:
    """Return the client."""
    return SidecarMail(SidecarClient(sidecar.url, KEY))


@pytest.fixture(scope="module")
def mailbox(sidecar: SidecarProcess) -> Mailbox:
    """Return a user's own mailbox."""
    return furnished(sidecar)


@pytest.fixture(scope="module")
def shared(sidecar: SidecarProcess, mailbox: Mailbox) -> Mailbox:
    """Return a mailbox that this user may open."""
    return furnished(sidecar, mailbox.user, principal=mailbox.user)


class TestSidecarMail(MailContract):
    """Mail on a real server."""


def test_many_mailboxes_are_read_in_one_call(sidecar: SidecarProcess, backend: SidecarMail) -> None:
    """Readings come in the order of the requests; an account that is gone, or refused, concerns itself only."""
    one, two, revoked = (furnished(sidecar) for _ in range(3))
    sidecar.tokens.refused.add(revoked.user)
    gone = mailbox_of(an_account("gone"), APP)
    again = mailbox_of(an_account(one.user.partition("@")[0], incarnation="another"), APP)
    ids = {box: added(backend, box, subject=box.user) for box in (one, two)}
    asked = [one, gone, two, revoked, again, two, one]
    readings = backend.read(
        [
            ReadRequest(APP, box.user, ids.get(box, "A" * 22), complete=True, registration=box.registration)
            for box in asked
        ]
    )
    told = [
        reading.subject if isinstance(reading, Message) else type(getattr(reading, "error", None))
        for reading in readings
    ]
    assert told == [one.user, NotFound, two.user, GrantRefused, NotFound, two.user, one.user]


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
    """The envelope names the shared mailbox, and every recipient is served."""
    own = furnished(sidecar)
    shared = furnished(sidecar, own.user, principal=own.user)
    backend.send(shared, Submission(shared.user, ("one@example.com", "two@example.com"), mail("Dear all")))
    taken = sidecar.mail_server.sink.taken[-1]
    assert (taken.mail_from, taken.rcpt_tos) == (shared.user, ["one@example.com", "two@example.com"])


def test_a_copy_that_fails_fails_nothing(sidecar: SidecarProcess, backend: SidecarMail) -> None:
    """A message that is sent stays sent, though its copy is refused (Send As without FullAccess)."""
    own = furnished(sidecar)
    shared = mailbox_of(sidecar.account(sidecar.mail_server.mailbox(), own.user), APP)
    sent = backend.send(shared, Submission(shared.user, ("customer@example.com",), mail()))
    assert (sent.message_id, sent.copy) == ("<rewritten@prod.outlook.com>", None)
    assert sent.copy_problem is not None
    assert sent.copy_problem.startswith("SignInRefused")


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
