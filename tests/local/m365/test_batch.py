"""Batches and limits."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from local.m365 import samples
from local.m365.control import Microsoft365


def test_each_inner_request_is_judged(graph: Any, m365: Microsoft365) -> None:
    """An outer 200 hides an inner 404 and an inner 429, and a response can be missing."""
    identity = m365.deliver(graph.mailbox.id, samples.plain())
    url = f"/users/{graph.mailbox.id}/messages"
    reads = [{"id": str(n), "method": "GET", "url": f"{url}/{identity if n else 'gone'}"} for n in range(20)]
    responses = graph.batch(*reads)
    assert {name: response["status"] for name, response in responses.items()} == {
        str(n): 200 if n else 404 for n in range(20)
    }
    assert m365.stats()["high_water"][graph.mailbox.id] == 4
    m365.faults(inner_429={"count": 1, "retry_after": 7}, inner_missing={"count": 1})
    responses = graph.batch(*reads[1:])
    assert len(responses) == 18
    throttled = [response for response in responses.values() if response["status"] == 429]
    assert all(response["headers"]["Retry-After"] == "7" for response in throttled)
    assert m365.stats()["faults"] == {"inner_429": 1, "inner_missing": 1}


def test_inner_headers_and_dependencies(graph: Any, m365: Microsoft365) -> None:
    """An inner request has its own headers, and one that depends on a failed one fails too."""
    identity = m365.deliver(graph.mailbox.id, samples.plain())
    url = f"/users/{graph.mailbox.id}/messages/{identity}"
    patch = {"id": "a", "method": "PATCH", "url": url, "body": {"isRead": True}}
    prefer = {"Prefer": 'IdType="ImmutableId"', "Content-Type": "application/json"}
    read = {"id": "b", "method": "GET", "url": f"{url}?$select=isRead", "dependsOn": ["a"], "headers": prefer}
    body = graph.batch(read, patch)["b"]["body"]
    assert (body["id"], body["isRead"]) == (identity, True)
    responses = graph.batch(read, patch | {"url": f"{url}x"})
    assert (responses["a"]["status"], responses["b"]["status"]) == (404, 424)


def test_batch_has_a_size(graph: Any) -> None:
    """More than twenty requests are refused as a whole."""
    many = [{"id": str(n), "method": "GET", "url": "/users/x/messages"} for n in range(21)]
    answer = graph.session.post(f"{graph.server.graph_url}/$batch", json={"requests": many})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


def test_fifth_request_at_a_time_is_throttled(graph: Any, m365: Microsoft365) -> None:
    """Four requests of an app run at a time in a mailbox; the next one is told to wait."""
    # A machine that stood still meanwhile lets them come one after the other; then they take longer.
    for seconds in (0.3, 3, 30):
        m365.behaviour(graph_latency=seconds)
        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(lambda _: graph.call("GET", "/messages"), range(5)))
        if not all(answer.ok for answer in answers):
            break
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"]["code"] == "ApplicationThrottled"
    assert refused.headers["Retry-After"] == "1"
    assert m365.stats()["high_water"][graph.mailbox.id] == 5


def test_graph_misbehaves_on_request(graph: Any, m365: Microsoft365) -> None:
    """A call can be throttled, find nobody, come back empty, or lose its connection, as often as asked."""
    m365.faults(outer_429={"count": 1}, outer_503={"count": 1}, empty_body={"count": 1})
    statuses = [graph.call("GET", "/messages").status_code for _ in range(2)]
    assert statuses == [429, 503]
    empty = graph.call("GET", "/messages")
    assert (empty.status_code, empty.content) == (200, b"")
    m365.faults(connection_reset={"count": 1})
    with pytest.raises(requests.ConnectionError):
        graph.call("GET", "/messages")
    assert graph.call("GET", "/messages").status_code == 200


def test_new_message_lags(graph: Any, m365: Microsoft365) -> None:
    """A new message can answer 404 to its first reads."""
    m365.faults(read_lag={"share": 1, "reads": 2})
    identity = m365.deliver(graph.mailbox.id, samples.plain())
    assert [graph.call("GET", f"/messages/{identity}").status_code for _ in range(3)] == [404, 404, 200]


def test_a_moved_message_does_not_lag(graph: Any, m365: Microsoft365) -> None:
    """A message that was moved is no new one: it is read at once."""
    identity = m365.deliver(graph.mailbox.id, samples.plain())
    m365.faults(read_lag={"share": 1, "reads": 2})
    m365.move(graph.mailbox.id, identity, "archive")
    assert graph.call("GET", f"/messages/{identity}").status_code == 200


def test_a_fault_tells_whom_it_hit(graph: Any, m365: Microsoft365) -> None:
    """Each message that a fault hit can be named afterwards, in a request of its own and in a batch."""
    one, two = (m365.deliver(graph.mailbox.id, samples.plain()) for _ in range(2))
    m365.faults(outer_503={"count": 1})
    graph.call("GET", f"/messages/{one}")
    m365.faults(inner_503={"count": 1})
    graph.batch({"id": "1", "method": "GET", "url": f"/users/{graph.mailbox.id}/messages/{two}"})
    assert [(hit["fault"], hit["message"]) for hit in m365.hits()] == [("outer_503", one), ("inner_503", two)]
