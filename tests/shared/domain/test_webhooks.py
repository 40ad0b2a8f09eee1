"""Webhooks: which events the instance lets out."""

from typing import Any

import pytest

from shared.domain.events import EventName
from shared.domain.instance_settings import InstanceSettings
from shared.domain.webhooks import renewed, wants
from tests.contracts.newer import newer
from tests.factories import a_webhook, an_event
from tests.fakes.clock import START

ON = {"webhooks_enabled": True, "webhook_events": ("*",)}
ELSEWHERE = {"path": "Archive", "special_use": None}


@pytest.mark.parametrize(
    ("settings", "event", "wanted"),
    [
        ({}, {}, False),
        ({"webhooks_enabled": True}, {}, False),
        ({"webhook_events": ("*",)}, {}, False),
        (ON, {}, True),
        (ON, {"name": EventName.ACCOUNT_ADDED, "path": None, "special_use": None}, True),
        ({**ON, "webhook_events": ("messageNew",)}, {}, True),
        ({**ON, "webhook_events": ("messageNew",)}, {"name": EventName.MESSAGE_DELETED}, False),
        (ON, ELSEWHERE, True),
        ({**ON, "inbox_new_only": True}, {}, True),
        ({**ON, "inbox_new_only": True}, ELSEWHERE, False),
        ({**ON, "inbox_new_only": True}, {**ELSEWHERE, "name": EventName.MESSAGE_UPDATED}, True),
    ],
)
def test_which_events_go_out(settings: dict[str, Any], event: dict[str, Any], *, wanted: bool) -> None:
    """Webhooks must be on and name the event; `inboxNewOnly` holds back new mail elsewhere and nothing else."""
    assert wants(InstanceSettings(**settings), an_event(**event)) is wanted


def test_another_url_is_another_endpoint() -> None:
    """A webhook whose URL is set anew forgets how the former endpoint did, and nothing that only a newer one knows."""
    former = newer(a_webhook(disabled="410", failing_since=START))
    fresh = renewed(former, former.id, "https://other.example.com", None, now=START)
    assert fresh == newer(a_webhook(url="https://other.example.com", updated=START))
