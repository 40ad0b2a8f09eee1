"""The trigger of the queue `changes`."""

import json
from collections.abc import Callable

import pytest

from shared.domain.accounts import account_key
from tests.factories import a_message
from tests.fakes.clock import START
from tests.functions.client import Client
from tests.functions.outside import Outside


@pytest.fixture
def message(api: Client, account: str, unique: Callable[[str], str], outside: Outside) -> str:
    """Return the id of a message that has just come, in an account whose events reach a webhook."""
    hook = "https://receiver.example.com/hook"
    api.post("/v1/settings", {"webhooksEnabled": True, "webhooks": hook, "webhookEvents": ["*"]})
    outside.sender.posts.clear()
    name = unique("m")
    outside.reader.keep(a_message(id=name))
    return name


def test_change_becomes_a_delivery(api: Client, account: str, message: str, outside: Outside) -> None:
    """A change that is taken from the queue is read, posted and listed."""
    api.run("changes", batch(account, message))
    (post,), (body,) = outside.sender.posts, outside.sender.bodies()
    assert (body["event"], body["account"], body["data"]["id"]) == ("messageNew", account, message)
    assert api.get("/v1/deliveries", eventId=post.headers["webhook-id"]).json()["deliveries"][0]["state"] == "delivered"


def test_change_taken_again_is_not_posted_again(api: Client, account: str, message: str, outside: Outside) -> None:
    """A message that was taken before is worked on with suspicion: what was delivered is not posted again."""
    api.run("changes", batch(account, message))
    api.run("changes", batch(account, message), dequeue_count=2)
    assert len(outside.sender.posts) == 1


def batch(account: str, message: str) -> bytes:
    """Return a message of the queue with one change."""
    change = {"account": account_key(account), "kind": "created", "message": message, "seen": START.isoformat()}
    return json.dumps({"v": 1, "changes": [change]}).encode()
