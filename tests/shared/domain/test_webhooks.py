"""Webhooks: which events the instance lets out."""

from typing import Any

import pytest

from shared.domain.events import EventName
from shared.domain.instance_settings import InstanceSettings
from shared.domain.webhooks import wants
from tests.factories import an_event

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
