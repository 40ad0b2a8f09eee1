"""The trigger of the queue `retries`."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.webhooks import FAILED
from tests.functions.bodies import an_account
from tests.functions.client import Client
from tests.functions.outside import Outside


@pytest.fixture
def retrying(api: Client, app_id: str, unique: Callable[[str], str], outside: Outside) -> dict[str, Any]:
    """Return a delivery whose first attempt has failed."""
    hook = "https://receiver.example.com/hook"
    api.post("/v1/settings", {"webhooksEnabled": True, "webhooks": hook, "webhookEvents": ["accountAdded"]})
    # What earlier tests left, and what is due by now, would be posted first.
    api.pump()
    name = unique("a")
    api.post("/v1/account", an_account(name, app_id))
    outside.sender.posts.clear()
    outside.sender.answer(FAILED)
    api.pump()
    (entry,) = api.get("/v1/deliveries", account=name).json()["deliveries"]
    assert isinstance(entry, dict)
    return entry


def test_second_attempt_sends_the_same(api: Client, retrying: dict[str, Any], outside: Outside) -> None:
    """The second attempt posts the same bytes under the same id, and the delivery shows both attempts."""
    api.run("retries", retry(retrying))
    first, second = outside.sender.posts
    assert (second.url, second.body) == (first.url, first.body)
    assert second.headers["webhook-id"] == first.headers["webhook-id"] == retrying["eventId"]
    shown = api.get(f"/v1/deliveries/{retrying['id']}").json()
    assert (shown["state"], [attempt["status"] for attempt in shown["attempts"]]) == ("delivered", [500, 200])


def test_retry_taken_again_posts_nothing(api: Client, retrying: dict[str, Any], outside: Outside) -> None:
    """A retry that comes again after it was delivered posts nothing."""
    for dequeue_count in (1, 2):
        api.run("retries", retry(retrying), dequeue_count=dequeue_count)
    assert len(outside.sender.posts) == 2


def retry(delivery: dict[str, Any]) -> bytes:
    """Return the message that makes a delivery's second attempt due."""
    moment, webhook, event_id = delivery["id"].split("_")
    key = {"webhook": webhook, "moment": int(moment), "event_id": event_id}
    return json.dumps({"v": 1, "delivery": key, "number": 2}).encode()
