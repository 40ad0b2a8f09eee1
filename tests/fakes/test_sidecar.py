"""The sidecar in memory keeps the promises of the real one."""

import pytest

from shared.domain.mailboxes import Mailbox, mailbox_of
from shared.ports.mail import MailBackend
from tests.contracts.mail import MailContract
from tests.factories import an_account, an_outlook_app
from tests.fakes.clock import FakeClock
from tests.fakes.sidecar import FakeSidecar


class TestFakeSidecar(MailContract):
    """Mail in memory."""

    @pytest.fixture
    def backend(self) -> MailBackend:
        """Return a sidecar that knows whose mailbox is shared."""
        sidecar = FakeSidecar(FakeClock())
        sidecar.shared.add("help@contoso.com")
        return sidecar

    @pytest.fixture
    def mailbox(self) -> Mailbox:
        """Return the user's own mailbox."""
        return mailbox_of(an_account("anna"), an_outlook_app())

    @pytest.fixture
    def shared(self) -> Mailbox:
        """Return a mailbox that the user may open."""
        return mailbox_of(an_account("help"), an_outlook_app())
