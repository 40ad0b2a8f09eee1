"""Several reads in one call to Graph."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.adapters.graph.client import IMMUTABLE_IDS, GraphClient, Request
from shared.adapters.graph.errors import Answer, content
from shared.domain.oauth2 import OAuth2App

# https://learn.microsoft.com/graph/json-batching#batch-size-limitations
SIZE = 20
# Graph has been seen to leave an inner answer out; asking again brings it.
_LEFT_OUT = Answer(504, {}, None)


def get_all(
    client: GraphClient, app: OAuth2App, paths: Sequence[str], now: datetime, *, timeout: timedelta | None = None
) -> list[Answer]:
    """
    Returns one answer for each of up to 20 *paths*, in their order; each is to be judged by itself.

    Raises as GraphClient does where the call as a whole fails.
    """
    answer = client.send(app, batch_of(paths), timeout=timeout)
    return answers_of(content(answer, now), len(paths))


def batch_of(paths: Sequence[str]) -> Request:
    """Returns the call that reads all *paths*, each with immutable ids: what the outer call prefers does not count."""
    # https://learn.microsoft.com/graph/json-batching
    reads = [
        {"id": str(number), "method": "GET", "url": path, "headers": {"Prefer": IMMUTABLE_IDS}}
        for number, path in enumerate(paths)
    ]
    return Request("POST", "/$batch", {"requests": reads})


def answers_of(body: dict[str, Any], count: int) -> list[Answer]:
    """Returns the inner answers in the order of their ids, which Graph does not keep."""
    answers = [_LEFT_OUT] * count
    for response in body.get("responses") or ():
        number = str(response.get("id"))
        if number.isdecimal() and int(number) < count:
            answers[int(number)] = Answer(
                int(response.get("status") or _LEFT_OUT.status), response.get("headers") or {}, response.get("body")
            )
    return answers
