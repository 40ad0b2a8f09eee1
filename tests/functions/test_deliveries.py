"""`/v1/deliveries`: the log of what was sent where."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import account_key
from tests.fakes.webhooks import FAILED
from tests.functions.bodies import an_account
from tests.functions.client import Client, fields, path_to
from tests.functions.outside import Outside

HOOK = "https://receiver.example.com/hook"
FIRST_EVENTS = {"accountAdded", "authenticationSuccess", "accountInitialized"}


@pytest.fixture
def heard(api: Client, app_id: str, unique: Callable[[str], str], outside: Outside) -> str:
    """Return the id of a new account whose events reach a webhook."""
    api.post("/v1/settings", {"webhooksEnabled": True, "webhooks": HOOK, "webhookEvents": ["*"]})
    outside.sender.posts.clear()
    name = unique("a")
    api.post("/v1/account", an_account(name, app_id))
    api.pump()
    return name


def test_delivery_is_listed(api: Client, heard: str) -> None:
    """Each event of an account is listed once, with its webhook, its state and its attempts."""
    answer = api.get("/v1/deliveries", account=heard)
    listed = {entry["event"]: entry for entry in answer.json()["deliveries"]}
    assert (answer.status, set(listed), answer.json()["nextPageCursor"]) == (200, FIRST_EVENTS, None)
    entry = listed["accountAdded"]
    event_id, size = entry.pop("eventId"), entry.pop("payloadSize")
    assert size > 0
    assert entry == {
        "id": f"1772443800000_default_{event_id}",
        "webhook": "default",
        "url": HOOK,
        "account": heard,
        "event": "accountAdded",
        "state": "delivered",
        "reason": None,
        "created": "2026-03-02T09:30:00.000Z",
        "updated": "2026-03-02T09:30:00.000Z",
        "nextAttempt": None,
        "attempts": [
            {"number": 1, "at": "2026-03-02T09:30:00.000Z", "duration": 5, "status": 200, "error": None},
        ],
        "payloadExpires": "2026-03-16T09:30:00.000Z",
    }


def test_delivery_is_shown_with_its_payload(api: Client, heard: str, outside: Outside) -> None:
    """One delivery is shown as in the list, with the payload that was sent."""
    entry = event_of(api, heard, "accountAdded")
    shown = api.get(f"/v1/deliveries/{entry['id']}").json()
    payload = shown.pop("payload")
    assert shown == entry
    sent = {post.headers["webhook-id"]: json.loads(post.body) for post in outside.sender.posts}
    assert payload == sent[entry["eventId"]]
    assert (payload["event"], payload["account"]) == ("accountAdded", heard)


def test_failed_attempt_is_shown(api: Client, app_id: str, unique: Callable[[str], str], outside: Outside) -> None:
    """After a failed attempt the delivery is `retrying`, with the status and the moment of the next attempt."""
    url = "https://anna:hush@receiver.example.com/own"
    api.post("/v1/settings", {"webhooksEnabled": True, "webhooks": HOOK, "webhookEvents": ["accountAdded"]})
    name = unique("a")
    api.post("/v1/account", an_account(name, app_id, webhooks=url))
    outside.sender.answer(FAILED)
    api.pump()
    entry = event_of(api, name, "accountAdded")
    assert (entry["state"], entry["attempts"][0]["status"]) == ("retrying", 500)
    assert entry["nextAttempt"] > entry["created"]
    assert re.fullmatch(rf"account-{account_key(name)}-[0-9a-f]{{8}}", entry["webhook"])
    assert entry["url"] == "https://receiver.example.com/own"


def test_filters_narrow_the_list(api: Client, heard: str) -> None:
    """Account, event id, webhook and state each narrow the list."""
    wanted = event_of(api, heard, "accountInitialized")
    by_event = api.get("/v1/deliveries", eventId=wanted["eventId"]).json()
    assert by_event["deliveries"] == [wanted]
    assert api.get("/v1/deliveries", account=heard, state="delivered", webhook="default").json()["deliveries"]
    for nothing in ({"state": "failed"}, {"webhook": "other"}, {"eventId": "x' or event_id ne 'x"}):
        assert api.get("/v1/deliveries", account=heard, **nothing).json()["deliveries"] == []


def test_list_goes_on_by_cursor(api: Client, heard: str) -> None:
    """From `nextPageCursor` to null, cursors lead through every delivery once."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while len(found) < 5:
        page = api.get("/v1/deliveries", account=heard, pageSize=1, **cursor).json()
        found += [entry["event"] for entry in page["deliveries"]]
        if page["nextPageCursor"] is None:
            break
        cursor = {"cursor": page["nextPageCursor"]}
    assert (len(found), set(found)) == (3, FIRST_EVENTS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("cursor", "x"), ("cursor", "eyJ4IjoieSJ9"), ("state", "lost"), ("pageSize", 251), ("colour", "red")],
)
def test_wrong_argument_is_named(api: Client, name: str, value: object) -> None:
    """An argument that is unknown or wrong is named."""
    assert list(fields(api.get("/v1/deliveries", **{name: value}))) == [name]


@pytest.mark.parametrize("name", ["1_default_x", "x", "__", "1_a_b_c", "9" * 40 + "_a_b", "²_a_b", "a/b", "1_a'b_ü#?"])
def test_unknown_delivery_is_not_found(api: Client, name: str) -> None:
    """Whatever id is asked for, one that nobody made is 404."""
    answer = api.get(path_to("v1", "deliveries", name))
    assert (answer.status, answer.json()["code"]) == (404, "NotFound")


def test_delivery_is_sent_again(api: Client, heard: str, outside: Outside) -> None:
    """A resend is answered at once, and its attempt sends the same bytes under the same id."""
    entry = event_of(api, heard, "accountAdded")
    api.drain("retries")
    outside.sender.posts.clear()
    answer = api.post(f"/v1/deliveries/{entry['id']}/resend", {})
    assert (answer.status, answer.json()) == (200, {"id": entry["id"], "queued": True})
    (retry,) = api.drain("retries")
    api.run("retries", json.dumps(retry).encode())
    (post,) = outside.sender.posts
    assert post.headers["webhook-id"] == entry["eventId"]
    assert len(event_of(api, heard, "accountAdded")["attempts"]) == 2


def test_unknown_delivery_is_not_sent_again(api: Client) -> None:
    """A resend of what nobody delivered is 404."""
    answer = api.post("/v1/deliveries/1_default_x/resend", {})
    assert (answer.status, answer.json()["code"]) == (404, "NotFound")


def test_expired_delivery_is_not_sent_again(api: Client, heard: str, outside: Outside) -> None:
    """A resend of what is no longer kept is 409, with the reason."""
    entry = event_of(api, heard, "accountAdded")
    outside.clock.advance(timedelta(days=15))
    answer = api.post(f"/v1/deliveries/{entry['id']}/resend", {})
    outside.clock.advance(timedelta(days=-15))
    assert (answer.status, answer.json()["code"]) == (409, "PayloadExpired")


def test_replay_asks_for_every_attempt(api: Client, heard: str) -> None:
    """A dry run counts what the replay then puts on the queue of retries, page after page."""
    entry = event_of(api, heard, "accountAdded")
    wanted = {"since": entry["created"], "until": "2030-01-01T00:00:00Z", "states": ["delivered"], "perMinute": 6000}
    counted = api.post("/v1/deliveries/replay", {**wanted, "dryRun": True}).json()
    assert (counted["replay"], counted["more"]) == (None, False)
    assert counted["deliveries"] >= 3
    api.drain("retries")
    answer = api.post("/v1/deliveries/replay", {**wanted, "until": "2027-01-01T00:00:00Z"})
    assert (answer.status, list(answer.json())) == (200, ["replay"])
    (job,) = api.drain("jobs")
    api.run("jobs", json.dumps(job).encode())
    asked = [retry["delivery"]["event_id"] for retry in api.drain("retries")]
    assert asked
    assert api.get("/v1/deliveries", eventId=asked[0]).json()["deliveries"]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"since": None}, "since"),
        ({"until": "2026-01-01T00:00:00Z"}, "until"),
        ({"until": "2027-01-01T00:00:00"}, "until"),
        ({"states": []}, "states"),
        ({"perMinute": 0}, "perMinute"),
        ({"webhook": "nobody"}, "webhook"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_field_of_a_replay_is_named(api: Client, wrong: dict[str, Any], named: str) -> None:
    """A field of a replay that is missing, unknown or wrong is named."""
    api.post("/v1/settings", {"webhooks": HOOK})
    body = {"since": "2026-03-01T00:00:00Z", "until": "2027-01-01T00:00:00Z", **wrong}
    given = {name: value for name, value in body.items() if value is not None}
    assert list(fields(api.post("/v1/deliveries/replay", given))) == [named]


def test_list_is_bounded_in_time(api: Client, heard: str) -> None:
    """`since` is included and `until` is not."""
    moment = event_of(api, heard, "accountAdded")["created"]
    later = moment.replace(".000Z", ".001Z")
    assert len(api.get("/v1/deliveries", account=heard, since=moment, until=later).json()["deliveries"]) == 3
    assert api.get("/v1/deliveries", account=heard, until=moment).json()["deliveries"] == []


def event_of(api: Client, account: str, event: str) -> dict[str, Any]:
    """Return the entry of an account's event."""
    (found,) = [
        entry for entry in api.get("/v1/deliveries", account=account).json()["deliveries"] if entry["event"] == event
    ]
    assert isinstance(found, dict)
    return found
