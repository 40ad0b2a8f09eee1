"""What the internal API does: one mailbox's trouble is no other's."""

from shared.adapters.sidecar.client import SidecarClient
from shared.adapters.sidecar.mail import SidecarMail
from shared.domain.errors import TryLater
from shared.domain.mailboxes import mailbox_of
from shared.domain.messages import Message
from shared.ports.microsoft365 import ReadRequest, Unread
from tests.contracts.mail import added
from tests.factories import an_outlook_app
from tests.fakes.mail_server import MailServer
from tests.fakes.sidecar_process import KEY, proxied, running

APP = an_outlook_app()


def test_a_silent_mailbox_holds_up_no_other(mail_server: MailServer) -> None:
    """A mailbox whose server went silent is given up after a while; what others had to say comes with that answer."""
    with (
        proxied(mail_server) as faults,
        running(mail_server, port=faults.port, mailbox_seconds=3) as sidecar,
    ):
        mail = SidecarMail(SidecarClient(sidecar.url, KEY))
        boxes = [mailbox_of(sidecar.account(), APP) for _ in range(2)]
        ids = [added(mail, box) for box in boxes]
        faults.swallow(boxes[0].user)
        silent, other = mail.read(
            [
                ReadRequest(APP, box.user, message, complete=True, registration=box.registration)
                for box, message in zip(boxes, ids, strict=True)
            ]
        )
        assert isinstance(other, Message)
        assert isinstance(silent, Unread)
        assert isinstance(silent.error, TryLater)
