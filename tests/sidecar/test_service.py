"""What the internal API does: one mailbox's trouble is no other's."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace

import pytest

from shared.adapters.sidecar import wire
from shared.adapters.sidecar.client import SidecarClient
from shared.adapters.sidecar.mail import SidecarMail
from shared.domain.errors import TryLater
from shared.domain.mailboxes import mailbox_of
from shared.domain.messages import Message
from shared.ports.microsoft365 import ReadRequest, Unread
from sidecar import service
from sidecar.open_mailbox import OpenMailbox
from tests.contracts.mail import added
from tests.factories import an_outlook_app
from tests.fakes.mail_server import MailServer
from tests.fakes.sidecar_process import KEY, proxied, running

APP = an_outlook_app()


class Limits:
    """Limits of time that are over when a test says so, however fast the machine is."""

    def __init__(self) -> None:
        self.set: list[asyncio.Timeout] = []

    def timeout(self, seconds: float) -> asyncio.Timeout:
        """Set a limit."""
        self.set.append(asyncio.timeout(None))
        return self.set[-1]

    def end(self) -> None:
        """Have every limit be over."""
        for limit in self.set:
            # Who is done has left his.
            with suppress(RuntimeError):
                limit.reschedule(0)


def test_a_silent_mailbox_holds_up_no_other(mail_server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailbox whose server went silent is given up after a while; what others had to say comes with that answer."""
    limits, read_one = Limits(), service._read_one

    async def read(mailbox: OpenMailbox, asked: wire.ReadOne) -> wire.OneReading:
        answer = await read_one(mailbox, asked)
        limits.end()
        return answer

    with proxied(mail_server) as faults, running(mail_server, port=faults.port) as sidecar:
        mail = SidecarMail(SidecarClient(sidecar.url, KEY))
        boxes = [mailbox_of(sidecar.account(), APP) for _ in range(2)]
        ids = [added(mail, box) for box in boxes]
        faults.swallow(boxes[0].user)
        monkeypatch.setattr(service, "asyncio", SimpleNamespace(gather=asyncio.gather, timeout=limits.timeout))
        monkeypatch.setattr(service, "_read_one", read)
        silent, other = mail.read(
            [
                ReadRequest(APP, box.user, message, complete=True, registration=box.registration)
                for box, message in zip(boxes, ids, strict=True)
            ]
        )
        assert isinstance(other, Message)
        assert isinstance(silent, Unread)
        assert isinstance(silent.error, TryLater)
        assert "too slow" in str(silent.error)
