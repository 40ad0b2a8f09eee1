"""One POST and its answer, over a kept connection or a fresh one."""

import http.client
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from shared.adapters.webhook_http.connections import Connection, Connections
from shared.adapters.webhook_http.deadlines import Deadline
from shared.adapters.webhook_http.failures import Failed
from shared.adapters.webhook_http.targets import Target

# An answer's body is read for one reason, to keep the connection; more than this is not worth it.
_READ_BYTES = 16 * 1024
_RETRY_AFTER_LETTERS = 64

# How it looks when the endpoint closes the connection under us; TLS has its own words for it.
_HUNG_UP = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


@dataclass(frozen=True, slots=True)
class Request:
    """A POST as it goes over the wire."""

    target: Target
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint said, as far as anybody wants to know."""

    status: int
    retry_after: str | None


def headers_to_send(target: Target, wanted: Mapping[str, str], user_agent: str) -> dict[str, str]:
    """Returns the headers to send: *wanted*, and what the endpoint's URL and we add where they do not say."""
    headers = {"Host": target.authority, "User-Agent": user_agent}
    if target.authorization:
        headers["Authorization"] = target.authorization
    said = {name.lower() for name in wanted}
    return {name: value for name, value in headers.items() if name.lower() not in said} | dict(wanted)


def exchange(request: Request, connections: Connections, deadline: Deadline) -> Answer:
    """Makes the POST and returns its answer; raises what failures.decipher knows."""
    kept = connections.take(request.target)
    if kept is not None:
        # An endpoint may close a connection just when we write to it. A fresh one then decides; that the POST arrived
        # nevertheless is possible, and within the promise: at least once.
        with suppress(*_HUNG_UP):
            return _ask(request, kept, connections, deadline)
    return _ask(request, connections.open(request.target, deadline), connections, deadline)


def _ask(request: Request, connection: Connection, connections: Connections, deadline: Deadline) -> Answer:
    reusable = False
    try:
        with deadline.cutting(connection.sock):
            _write(request, connection)
            answer = connection.getresponse()
            # http.client takes an end within the headers for the end of the headers, also the end that the cut made.
            deadline.remaining()
            reusable = _drain(answer)
    finally:
        if reusable:
            connections.keep(connection)
        else:
            connection.close()
    retry_after = answer.getheader("Retry-After")
    return Answer(answer.status, retry_after[:_RETRY_AFTER_LETTERS] if retry_after else None)


def _write(request: Request, connection: Connection) -> None:
    try:
        # An endpoint may refuse a long body and hang up before it has read it; its answer waits to be read.
        with suppress(*_HUNG_UP):
            connection.request("POST", request.target.path, request.body, request.headers)
    except ValueError as error:
        raise Failed("invalid_header") from error


def _drain(answer: http.client.HTTPResponse) -> bool:
    """Reads the body, undecoded and not beyond the cap, and tells whether the connection can serve again."""
    with answer:
        # The status has come and stands, whatever becomes of the body: the endpoint has taken the event.
        with suppress(OSError, http.client.HTTPException):
            answer.read(_READ_BYTES)
            return answer.isclosed() and not answer.will_close and answer.status >= http.HTTPStatus.OK
        return False
