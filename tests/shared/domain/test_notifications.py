"""Notifications: what Graph posts is read, and what a stranger posts does no harm."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidRequest
from shared.domain.notifications import Notification, read_envelope

KEYS = st.sampled_from(["clientState", "subscriptionId", "changeType", "resourceData", "id", "lifecycleEvent"])
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
ITEMS = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(KEYS, SCALARS | st.dictionaries(KEYS, SCALARS))


def test_a_change_and_a_lifecycle_item() -> None:
    """Of a change its message and kind are read, of a lifecycle item what happened; the rest is left alone."""
    # https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
    change = {
        "id": "n-1",
        "subscriptionId": "sub-1",
        "subscriptionExpirationDateTime": "2026-03-09T09:30:00Z",
        "clientState": "1.k1.key.mac",
        "changeType": "created",
        "resource": "Users/u-1/Messages/AAk",
        "tenantId": "t-1",
        "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": "AAk"},
    }
    lifecycle = {"subscriptionId": "sub-1", "clientState": "1.k1.key.mac", "lifecycleEvent": "missed"}
    assert read_envelope(json.dumps({"value": [change, lifecycle], "validationTokens": None}).encode()) == [
        Notification(client_state="1.k1.key.mac", subscription="sub-1", change="created", message="AAk"),
        Notification(client_state="1.k1.key.mac", subscription="sub-1", lifecycle="missed"),
    ]


@given(st.lists(ITEMS, max_size=5))
def test_every_item_counts(items: list[Any]) -> None:
    """Whatever stands among the items, each becomes one notification, and texts are texts or absent."""
    found = read_envelope(json.dumps({"value": items}).encode())
    assert len(found) == len(items)
    for each in found:
        assert isinstance(each.subscription, str)
        assert all(text is None or (isinstance(text, str) and text) for text in (each.change, each.message))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000])
def test_a_body_that_is_no_json(body: bytes) -> None:
    """Bytes that are no JSON, however odd, are refused with a sentence."""
    with pytest.raises(InvalidRequest, match=r"^The body must be JSON: a Microsoft Graph notification collection\.$"):
        read_envelope(body)


@pytest.mark.parametrize("body", [b"[]", b"null", b"{}", b'{"value":null}', b'{"value":{}}'])
def test_a_body_that_is_no_envelope(body: bytes) -> None:
    """JSON without an array of items is refused with a sentence."""
    with pytest.raises(InvalidRequest, match=r'^The body must be an object with an array "value" of notifications\.$'):
        read_envelope(body)
