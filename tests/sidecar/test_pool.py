"""Connections for requests: few, shared, and left in order."""

import time
from concurrent.futures import ThreadPoolExecutor

from shared.adapters.sidecar.client import SidecarClient
from shared.adapters.sidecar.mail import SidecarMail
from shared.domain.mailboxes import Mailbox, mailbox_of
from shared.ports.microsoft365 import NotThere, Reading, ReadRequest
from tests.factories import an_outlook_app
from tests.fakes.mail_server import MailServer
from tests.fakes.sidecar_process import KEY, SidecarProcess, proxied, running

APP = an_outlook_app()
NOWHERE = "A" * 22


def client(sidecar: SidecarProcess) -> SidecarMail:
    """Return a client of the sidecar."""
    return SidecarMail(SidecarClient(sidecar.url, KEY))


def reads(*boxes: Mailbox) -> list[ReadRequest]:
    """Ask for a message that no mailbox has."""
    return [ReadRequest(APP, box.user, NOWHERE, complete=True, registration=box.registration) for box in boxes]


def test_connections_are_kept_for_a_while(mail_server: MailServer) -> None:
    """Requests in a row share a connection, and one that was reset while it rested is replaced by another."""
    with proxied(mail_server) as faults, running(mail_server, port=faults.port, limit=1, idle_seconds=3600) as sidecar:
        mail, box = client(sidecar), mailbox_of(sidecar.account(), APP)
        for _ in range(3):
            mail.probe(APP, box.user, box.registration)
        assert (faults.logins[box.user], faults.open[box.user]) == (1, 1)
        faults.reset(box.user)
        mail.probe(APP, box.user, box.registration)
        assert (faults.logins[box.user], faults.open[box.user]) == (2, 1)


def test_connections_are_left_by_themselves(mail_server: MailServer) -> None:
    """A connection that nobody asks for logs out after a while."""
    with proxied(mail_server) as faults, running(mail_server, port=faults.port, idle_seconds=0.05) as sidecar:
        box = mailbox_of(sidecar.account(), APP)
        client(sidecar).probe(APP, box.user, box.registration)
        deadline = time.monotonic() + 60
        while faults.open[box.user] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not faults.open[box.user]


def test_a_grant_has_few_connections(mail_server: MailServer) -> None:
    """However many mailboxes of a grant are asked for at once, few connections are open, and every answer comes."""
    with proxied(mail_server) as faults, running(mail_server, port=faults.port, limit=2) as sidecar:
        principal = mail_server.mailbox()
        boxes = [mailbox_of(sidecar.account(mail_server.mailbox(principal), principal), APP) for _ in range(5)]
        assert client(sidecar).read(reads(*boxes)) == [NotThere()] * 5
        assert sum(faults.open.values()) <= 2


def test_callers_of_one_mailbox_share_its_connections(mail_server: MailServer) -> None:
    """Many callers at once wait for the mailbox's few connections instead of making theirs."""
    with proxied(mail_server) as faults, running(mail_server, port=faults.port, limit=2) as sidecar:
        mail, box = client(sidecar), mailbox_of(sidecar.account(), APP)

        def read(_: int) -> list[Reading]:
            return mail.read(reads(box))

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(read, range(24))) == [[NotThere()]] * 24
        assert faults.logins[box.user] <= 2
