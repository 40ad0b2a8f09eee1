"""Sign-ins in memory keep the promises of Entra ID's."""

from dataclasses import replace

import pytest

from shared.domain.errors import SignInRefused, TryLater
from shared.ports.sign_ins import Begun
from tests.contracts.sign_ins import ANNA, GrantTokensContract, Office, SignInsContract
from tests.factories import an_outlook_app
from tests.fakes.clock import FakeClock
from tests.fakes.delegated import FakeGrantTokens
from tests.fakes.sign_ins import SIGNED_IN, FakeSignIns

WRONG = SignInRefused("The secret is wrong.", reason="AADSTS7000215", mend="Set the secret's value.")
BUSY = TryLater("Entra ID is busy.")


class MemoryOffice:
    """Entra ID in memory."""

    def __init__(self) -> None:
        self.app = an_outlook_app()
        self.sign_ins = FakeSignIns(FakeClock())
        self.sign_ins.user = replace(SIGNED_IN, username=ANNA, name="Anna")
        self.tokens = FakeGrantTokens(FakeClock())

    def answer(self, begun: Begun, *, accepts: bool = True) -> dict[str, str]:
        """Return what Anna's browser brings back."""
        return self.sign_ins.visit(begun.url, accepts=accepts)

    def revoke(self, refresh_token: str) -> None:
        """Take a token back."""
        self.tokens.refused.add(refresh_token)
        self.sign_ins.refused.add(refresh_token)

    def busy(self, *, busy: bool) -> None:
        """Be busy, or not any more."""
        self.sign_ins.fails = self.tokens.busy = BUSY if busy else None

    def wrong_secret(self) -> None:
        """Refuse the application."""
        self.sign_ins.fails = self.tokens.wrong = WRONG


@pytest.fixture
def office() -> Office:
    """Return Entra ID in memory."""
    return MemoryOffice()


class TestSignIns(SignInsContract):
    """Sign-ins in memory."""


class TestGrantTokens(GrantTokensContract):
    """Refreshes in memory."""
