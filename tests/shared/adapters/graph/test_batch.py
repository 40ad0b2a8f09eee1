"""Several reads in one call."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from shared.adapters.graph import batch
from shared.adapters.graph.errors import Answer
from shared.domain.oauth2 import OAuth2App


def test_answers_find_their_questions(wired: Callable[..., Any], app: OAuth2App) -> None:
    """Answers come back in the order of the questions; one that Graph left out passes as an outage."""
    responses = [
        {"id": "2", "status": 404, "headers": {}, "body": {"error": {"code": "ErrorItemNotFound"}}},
        {"id": "0", "status": 200, "body": {"id": "a"}},
        {"id": "9", "status": 200, "body": {"id": "nobody asked"}},
    ]
    client, wire = wired(lambda *_: Answer(200, {}, {"responses": responses}))
    answers = batch.get_all(client, app, ["/a", "/b", "/c"], datetime.now(UTC), serial=False)
    assert [answer.status for answer in answers] == [200, 504, 404]
    method, url, body = wire.calls[0]
    assert (method, url) == ("POST", "https://graph.microsoft.com/v1.0/$batch")
    assert body["requests"][1] == {
        "id": "1",
        "method": "GET",
        "url": "/b",
        "headers": {"Prefer": 'IdType="ImmutableId"'},
    }


def test_reads_in_turn_go_on_after_what_is_not_there(wired: Callable[..., Any], app: OAuth2App) -> None:
    """What was skipped after a path that leads nowhere is asked for again, and every path has its answer in the end."""
    asked: list[list[str]] = []

    def script(_method: str, _url: str, body: Any) -> Answer:
        asked.append([one["url"] for one in body["requests"]])
        statuses = [404 if one["url"] == "/gone" else 200 for one in body["requests"]]
        at = statuses.index(404) if 404 in statuses else len(statuses)
        statuses[at + 1 :] = [424] * len(statuses[at + 1 :])
        responses = [{"id": str(number), "status": status, "body": {}} for number, status in enumerate(statuses)]
        return Answer(200, {}, {"responses": responses})

    client, _ = wired(script)
    answers = batch.get_in_turn(client, app, ["/a", "/gone", "/b"], datetime.now(UTC))
    assert [answer.status for answer in answers] == [200, 404, 200]
    assert asked == [["/a", "/gone", "/b"], ["/b"]]


def test_reads_in_turn_end_where_graph_is_busy(wired: Callable[..., Any], app: OAuth2App) -> None:
    """What was skipped because Graph is busy is not asked for again: it shares the answer."""
    busy = {"id": "0", "status": 429, "headers": {"Retry-After": "7"}}
    skipped = [{"id": str(number), "status": 424} for number in (1, 2)]
    client, wire = wired(lambda *_: Answer(200, {}, {"responses": [*skipped, busy]}))
    answers = batch.get_in_turn(client, app, ["/a", "/b", "/c"], datetime.now(UTC))
    assert [(answer.status, answer.headers) for answer in answers] == [(429, {"Retry-After": "7"})] * 3
    assert [one.get("dependsOn") for one in wire.calls[0][2]["requests"]] == [None, ["0"], ["1"]]
    assert len(wire.calls) == 1
