"""
One way in, one way out: how a request is read, answered and refused.

A function of this API is `@endpoint(...)` around a few lines that parse, call one service method and respond; what
goes wrong becomes EmailEngine's error envelope here and nowhere else.
"""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from math import ceil
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func

from functions.answering import Answering
from functions.validation import Model, given_twice, validated
from shared import bootstrap
from shared.domain.callers import Caller
from shared.domain.errors import (
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    RateLimitExceeded,
    RelayError,
    RequestTooLarge,
    TryLater,
)
from shared.domain.rate_limits import Allowance
from shared.domain.tokens import Action, Group, Scope
from shared.patience import patience

Handler = Callable[[func.HttpRequest], func.HttpResponse]
AsyncHandler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]

_IN_QUERY = "access_token"
# Many clients give up after half a minute, and then know less than what a 503 tells.
PATIENCE = timedelta(seconds=20)
_COME_AGAIN = timedelta(seconds=10)

_SLASH = re.compile("%2f", re.IGNORECASE)
# As EmailEngine's; nothing that the API takes comes near it.
_LARGEST_BODY = 1024 * 1024


def parse(model: type[Model], req: func.HttpRequest) -> Model:
    """
    Returns the JSON body of *req* as *model*; raises InvalidRequest naming every field that is wrong.

    Whatever its Content-Type says, a body is JSON: curl calls it a form where nobody tells it otherwise.
    """
    body = req.get_body()
    if len(body) > _LARGEST_BODY:
        raise RequestTooLarge(_LARGEST_BODY)
    try:
        given = json.loads(body, parse_constant=_refuse, object_pairs_hook=_object) if body else {}
    except (ValueError, RecursionError):
        raise InvalidRequest(message="The body must be JSON.") from None
    if not isinstance(given, dict):
        raise InvalidRequest(message="The body must be a JSON object.")
    return validated(model, given)


def parse_query(model: type[Model], req: func.HttpRequest, *, empty: bool = False) -> Model:
    """
    Returns the query of *req* as *model*; raises InvalidRequest naming every argument that is wrong.

    The host leaves out arguments without a value; with *empty* they are seen all the same.
    """
    written = Counter(name for name, _ in parse_qsl(urlsplit(req.url).query, keep_blank_values=True))
    # The host joins the values of a repeated name: neither would be what anybody meant.
    for name, times in written.items():
        if times > 1:
            raise given_twice(name)
    found = dict.fromkeys(written, "") if empty else {}
    return validated(model, {name: value for name, value in (found | dict(req.params)).items() if name != _IN_QUERY})


def account_of(req: func.HttpRequest) -> str:
    """
    Returns the account that the path of *req* names, or "".

    The host decodes a path but leaves `%2F` as it is, since decoded it would be another path.
    """
    return _SLASH.sub("/", req.route_params.get("account", ""))


def respond(body: object, status: int = HTTPStatus.OK) -> func.HttpResponse:
    """Returns *body* as a JSON answer."""
    return func.HttpResponse(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")), status_code=status, mimetype="application/json"
    )


def refuse(problem: RelayError, *, otherwise: timedelta | None = None) -> func.HttpResponse:
    """Returns *problem* as EmailEngine's error envelope; *otherwise* is when to come again where nobody knows."""
    status = HTTPStatus(problem.status_hint)
    envelope: dict[str, Any] = {"statusCode": status.value, "error": status.phrase, "message": str(problem)}
    if problem.code is not None:
        envelope["code"] = problem.code
    answer = respond({**envelope, **problem.extras()}, status)
    if isinstance(problem, NotAuthenticated):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="Relay365"'
    if isinstance(problem, RateLimitExceeded):
        answer = limited(answer, problem.allowance)
    again = (problem.retry_after or otherwise) if isinstance(problem, TryLater) else None
    if again is not None:
        answer.headers["Retry-After"] = str(max(1, ceil(again.total_seconds())))
    return answer


def limited(answer: func.HttpResponse, allowance: Allowance | None) -> func.HttpResponse:
    """Returns *answer*, which tells the *allowance* of a token that has a rate limit, under EmailEngine's names."""
    if allowance is not None:
        answer.headers["X-RateLimit-Limit"] = str(allowance.limit)
        answer.headers["X-RateLimit-Remaining"] = str(allowance.remaining)
        answer.headers["X-RateLimit-Reset"] = str(allowance.reset)
    return answer


def endpoint(
    scope: Scope, action: Action, group: Group, *, account_in_query: bool = False
) -> Callable[[Handler], Handler]:
    """
    Has only bearers of a fitting token reach the handler, and makes every failure an answer.

    A token that is bound to an account reaches what the path names of it; with *account_in_query* also what the query
    names, on a route that shows nothing of other accounts then.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def guarded(req: func.HttpRequest) -> func.HttpResponse:
            answering = Answering(handler.__name__)
            allowance = None
            account, token = req.params.get("account") if account_in_query else account_of(req), _token(req)
            try:
                relay = bootstrap.relay()
                with patience(PATIENCE):
                    allowance = relay.tokens.authorize(token, scope, action, group, account, caller=_caller(req))
                    answering.knows(account, token)
                    relay.timers.repair()
                    return answering.told(limited(handler(req), allowance))
            except RelayError as problem:
                if isinstance(problem, Forbidden | RateLimitExceeded):
                    answering.knows(None, token)
                return answering.told(limited(refuse(problem, otherwise=_COME_AGAIN), allowance), problem)
            except Exception as problem:  # noqa: BLE001  the host would answer an empty 500; clients expect the envelope
                answering.broke(problem)
                return limited(_broken(), allowance)

        return guarded

    return decorate


def open_endpoint(handler: AsyncHandler) -> AsyncHandler:
    """
    Makes every failure of an asynchronous handler an answer; whoever calls it needs no token.

    What Graph posts has lines of its own, and who asks for our health does it too often for one.
    """

    @wraps(handler)
    async def guarded(req: func.HttpRequest) -> func.HttpResponse:
        try:
            return await handler(req)
        except RelayError as problem:
            return refuse(problem)
        except Exception as problem:  # noqa: BLE001  Graph repeats what it gets a 5xx for, so nothing is lost by answering
            Answering(handler.__name__).broke(problem)
            return _broken()

    return guarded


def _broken() -> func.HttpResponse:
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return respond(
        {"statusCode": status.value, "error": status.phrase, "message": "An internal server error occurred"}, status
    )


def _caller(req: func.HttpRequest) -> Caller:
    return Caller(req.headers.get("x-forwarded-for", ""), req.headers.get("referer", ""))


def _token(req: func.HttpRequest) -> str | None:
    kind, _, value = req.headers.get("authorization", "").partition(" ")
    asked: str | None = req.params.get(_IN_QUERY)
    return value.strip() if kind.lower() == "bearer" else asked


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise given_twice(next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1))
    return made


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
