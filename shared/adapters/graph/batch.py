"""Several reads in one call to Graph."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.adapters.graph.client import IMMUTABLE_IDS, GraphClient, Request
from shared.adapters.graph.errors import BAD_REQUEST, FAILED_DEPENDENCY, GONE, NOT_FOUND, Answer, content
from shared.domain.oauth2 import OAuth2App

# https://learn.microsoft.com/graph/json-batching#batch-size-limitations
SIZE = 20
# Graph has been seen to leave an inner answer out; asking again brings it.
_LEFT_OUT = Answer(504, {}, None)
# What says something of one path; any other failure is the mailbox's, or Graph's.
_OF_ONE_PATH = frozenset({BAD_REQUEST, NOT_FOUND, GONE})


def get_all(
    client: GraphClient,
    app: OAuth2App,
    paths: Sequence[str],
    now: datetime,
    *,
    serial: bool,
    prefer: str = IMMUTABLE_IDS,
    timeout: timedelta | None = None,
) -> list[Answer]:
    """
    Returns one answer for each of up to 20 *paths*, in their order; each is to be judged by itself.

    Those of a *serial* batch are read one after the other, and what comes after a failure is not: see `was_skipped`.
    Raises as GraphClient does where the call as a whole fails.
    """
    answer = client.send(app, batch_of(paths, serial=serial, prefer=prefer), timeout=timeout)
    return answers_of(content(answer, now), len(paths))


def get_in_turn(
    client: GraphClient, app: OAuth2App, paths: Sequence[str], now: datetime, *, prefer: str = IMMUTABLE_IDS
) -> list[Answer]:
    """
    Returns one answer for each of *paths*, of one mailbox, which are read one after the other, 20 with a call.

    What was skipped because a path leads nowhere is asked for at once; any other failure is that of all that follow.
    """
    answers: dict[int, Answer] = {}
    while left := [index for index in range(len(paths)) if index not in answers]:
        asked = left[:SIZE]
        got = get_all(client, app, [paths[index] for index in asked], now, serial=True, prefer=prefer)
        failed = next((answer for answer in got if not answer.good), None)
        for position, (index, answer) in enumerate(zip(asked, got, strict=True)):
            if not was_skipped(answer, position):
                answers[index] = answer
            elif failed is not None and failed.status not in _OF_ONE_PATH:
                answers[index] = failed
    return [answers[index] for index in range(len(paths))]


def was_skipped(answer: Answer, position: int) -> bool:
    """Tells whether Graph did not even try, since what the request depends on failed; the first depends on nothing."""
    return position > 0 and answer.status == FAILED_DEPENDENCY


def batch_of(paths: Sequence[str], *, serial: bool, prefer: str = IMMUTABLE_IDS) -> Request:
    """Returns the call that reads all *paths*; what the outer call prefers does not count, so each says it itself."""
    # https://learn.microsoft.com/graph/json-batching
    reads: list[dict[str, Any]] = [
        {"id": str(number), "method": "GET", "url": path, "headers": {"Prefer": prefer}}
        for number, path in enumerate(paths)
    ]
    # https://learn.microsoft.com/graph/json-batching#sequencing-requests-with-the-dependson-property
    for number, read in enumerate(reads[1:] if serial else ()):
        read["dependsOn"] = [str(number)]
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
