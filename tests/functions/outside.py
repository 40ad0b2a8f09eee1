"""What stands around the app under test."""

from dataclasses import dataclass

from tests.fakes.clock import FakeClock
from tests.fakes.delegated import FakeGrantTokens
from tests.fakes.history import FakeHistory
from tests.fakes.log import FakeLog
from tests.fakes.microsoft365 import (
    FakeEndpointProbe,
    FakeMailboxes,
    FakeMessageReader,
    FakeSubscriptions,
    FakeTokenInspector,
)
from tests.fakes.sign_ins import FakeSignIns
from tests.fakes.webhooks import FakeWebhookSender

FIRST_TOKEN = "f1" * 32
SERVICE_URL = "https://relay.example.com"


@dataclass(frozen=True)
class Outside:
    """What stands around the app."""

    clock: FakeClock
    log: FakeLog
    mailboxes: FakeMailboxes
    subscriptions: FakeSubscriptions
    inspector: FakeTokenInspector
    endpoint: FakeEndpointProbe
    reader: FakeMessageReader
    sender: FakeWebhookSender
    history: FakeHistory
    code_flow: FakeSignIns
    grant_tokens: FakeGrantTokens
