"""The life of a subscription."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, unquote_plus

import pytest

from local.m365 import samples
from local.m365.control import Microsoft365


def ahead(**duration: float) -> str:
    """Return a moment from now, as ISO text."""
    return (datetime.now(UTC) + timedelta(**duration)).isoformat()


def test_both_endpoints_are_validated(graph: Any, endpoint: Any) -> None:
    """Creation asks both endpoints with a form-encoded token, and echoes the clientState only then."""
    created = graph.subscribe(endpoint.url)
    assert created.status_code == 201
    assert created.json()["clientState"] == "ours"
    assert created.json()["applicationId"] == graph.application.client_id
    first, second = endpoint.handshakes
    assert "&lifecycle=1&" in second
    encoded = first.partition("validationToken=")[2]
    assert {"%3a", "+", "%25"} <= {encoded[i : i + n] for i in range(len(encoded)) for n in (1, 3)}
    # Decoding twice is what spoils a token.
    once = unquote_plus(encoded)
    assert unquote(once) != once
    shown = graph.subscriptions("GET", f"/{created.json()['id']}").json()
    assert (shown["clientState"], shown["id"]) == (None, created.json()["id"])


@pytest.mark.parametrize(
    "answer",
    [(202, "text/plain", "{}"), (200, "application/json", "{}"), (200, "text/plain", '"{}"'), (200, "text/html", "{}")],
)
def test_wrong_handshake(graph: Any, endpoint: Any, m365: Microsoft365, answer: tuple[int, str, str]) -> None:
    """An endpoint that answers with another status, type or text gets no subscription."""
    status, kind, template = answer
    endpoint.handshake = lambda token: (status, kind, template.format(token))
    refused = graph.subscribe(endpoint.url)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "InvalidRequest")
    assert m365.subscriptions() == []


def test_slow_handshake(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """An endpoint that takes too long to prove itself gets no subscription."""
    m365.behaviour(validation_timeout=0.2)

    given_up = threading.Event()

    def dawdle(token: str) -> tuple[int, str, str]:
        given_up.wait(60)
        return 200, "text/plain", token

    endpoint.handshake = dawdle
    refused = graph.subscribe(endpoint.url)
    given_up.set()
    assert "timed out" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"expirationDateTime": ahead(days=8)}, 400, "InvalidRequest"),
        ({"clientState": "x" * 129}, 400, "InvalidRequest"),
        ({"notificationUrl": "http://relay.example/"}, 400, "InvalidRequest"),
        ({"changeType": "created,renamed"}, 400, "InvalidRequest"),
        ({"resource": "users/nobody@contoso.example/messages"}, 404, "ExtensionError"),
        ({"resource": "groups/x/messages"}, 400, "ExtensionError"),
    ],
)
def test_bad_bodies(graph: Any, endpoint: Any, changes: dict[str, str], status: int, code: str) -> None:
    """What the documentation forbids is refused before an endpoint is asked."""
    refused = graph.subscribe(endpoint.url, **changes)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert endpoint.handshakes == []


def test_duplicate_is_a_conflict(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """A second subscription for the same is a 409 that names the first, unless that rule is off."""
    first = graph.subscribe(endpoint.url).json()["id"]
    refused = graph.subscribe(endpoint.url)
    assert refused.status_code == 409
    assert first in refused.json()["error"]["message"]
    m365.behaviour(conflict_on_duplicate=False)
    assert graph.subscribe(endpoint.url).status_code == 201


def test_renewal_and_removal(graph: Any, endpoint: Any) -> None:
    """A renewal moves the expiry, a new URL is validated first, and what is deleted is not found."""
    identity = graph.subscribe(endpoint.url, expirationDateTime=ahead(minutes=1)).json()["id"]
    floor = datetime.now(UTC) + timedelta(minutes=44)
    assert datetime.fromisoformat(graph.subscriptions("GET", f"/{identity}").json()["expirationDateTime"]) > floor
    renewed = graph.subscriptions("PATCH", f"/{identity}", {"expirationDateTime": ahead(days=7, minutes=-1)})
    assert renewed.status_code == 200
    handshakes = len(endpoint.handshakes)
    graph.subscriptions("PATCH", f"/{identity}", {"notificationUrl": f"{endpoint.url}&new=1"})
    assert len(endpoint.handshakes) == handshakes + 1
    assert graph.subscriptions("POST", f"/{identity}/reauthorize").status_code == 204
    assert graph.subscriptions("DELETE", f"/{identity}").status_code == 204
    for method, path in (("PATCH", ""), ("DELETE", ""), ("GET", ""), ("POST", "/reauthorize")):
        gone = graph.subscriptions(method, f"/{identity}{path}", {"expirationDateTime": ahead(days=1)})
        assert gone.status_code == 404


def test_expiry_is_silent(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """A subscription that has expired tells nothing, not even that it has."""
    m365.behaviour(subscription_floor_minutes=0)
    identity = graph.subscribe(endpoint.url, expirationDateTime=ahead(seconds=-1)).json()["id"]
    m365.deliver(graph.mailbox.id, samples.plain())
    assert graph.subscriptions("GET", f"/{identity}").status_code == 404
    assert m365.stats()["calls"].get("notifications_made", 0) == 0


def test_list_is_paged_and_rationed(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """LIST pages through this app's subscriptions without clientState, 25 times in 20 seconds."""
    m365.behaviour(subscription_page=2)
    for folder in ("inbox", "archive", "drafts"):
        graph.subscribe(endpoint.url, resource=f"users/{graph.mailbox.id}/mailFolders('{folder}')/messages")
    page = graph.subscriptions("GET").json()
    assert [row["clientState"] for row in page["value"]] == [None, None]
    assert len(graph.call("GET", page["@odata.nextLink"]).json()["value"]) == 1
    # Two windows of 20 seconds at most are touched.
    assert 429 in (graph.subscriptions("GET").status_code for _ in range(50))


def test_creation_is_refused_on_request(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """Creation can fail as often as asked, a mailbox can be full or closed, and the handshake can be left out."""
    m365.faults(subscription_refused={"count": 2, "status": 503}, validation_skipped={"count": 1})
    assert [graph.subscribe(endpoint.url).status_code for _ in range(3)] == [503, 503, 201]
    assert endpoint.handshakes == []
    m365.behaviour(subscriptions_per_mailbox=1)
    full = graph.subscribe(endpoint.url)
    assert (full.status_code, "limit" in full.json()["error"]["message"]) == (403, True)
    m365.refuse_mailbox(graph.mailbox.id, 403)
    closed = graph.subscribe(endpoint.url)
    assert "Status Code: Forbidden" in closed.json()["error"]["message"]


def test_writes_have_a_quota(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """An application that writes more in 20 seconds than its tenant allows is told how long to wait, and counted."""
    m365.behaviour(subscription_writes=2, conflict_on_duplicate=False)
    assert [graph.subscribe(endpoint.url).status_code for _ in range(2)] == [201, 201]
    refused = graph.subscribe(endpoint.url)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 20
    assert m365.stats()["calls"]["throttled_subscriptions"] == 1
    assert len(m365.subscriptions()) == 2
