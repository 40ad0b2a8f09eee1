"""Where no sidecar is set up."""

import pytest

from shared.adapters.sidecar.absent import AbsentSidecar
from shared.domain.errors import NoSidecar
from shared.domain.mailboxes import mailbox_of
from shared.ports.mail import MailBackend, Submission
from shared.ports.microsoft365 import Unread
from tests.contracts.mail import read
from tests.factories import an_account, an_outlook_app

MAILBOX = mailbox_of(an_account(), an_outlook_app())


def test_everything_says_what_is_missing() -> None:
    """Each call names the setting, and passes: the work waits until there is a sidecar."""
    absent: MailBackend = AbsentSidecar()
    for call in (
        lambda: absent.probe(MAILBOX.app, MAILBOX.user, MAILBOX.registration),
        lambda: absent.messages(MAILBOX, "INBOX", limit=1),
        lambda: absent.send(MAILBOX, Submission("a@b", ("c@d",), b"x")),
        lambda: absent.delete(MAILBOX, "x"),
    ):
        with pytest.raises(NoSidecar, match="SIDECAR_URL"):
            call()
    (reading,) = read(absent, MAILBOX, "x")
    assert isinstance(reading, Unread)
    assert isinstance(reading.error, NoSidecar)
