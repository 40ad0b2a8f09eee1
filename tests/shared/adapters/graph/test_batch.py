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
    answers = batch.get_all(client, app, ["/a", "/b", "/c"], datetime.now(UTC))
    assert [answer.status for answer in answers] == [200, 504, 404]
    method, url, body = wire.calls[0]
    assert (method, url) == ("POST", "https://graph.microsoft.com/v1.0/$batch")
    assert body["requests"][1] == {
        "id": "1",
        "method": "GET",
        "url": "/b",
        "headers": {"Prefer": 'IdType="ImmutableId"'},
    }
