"""
One way in, one way out: how a request is read, answered and refused.

A function of this API is `@endpoint(...)` around a few lines that parse, call one service method and respond; what
goes wrong becomes EmailEngine's error envelope here and nowhere else.
"""

import json
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from math import ceil
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
from pydantic import BaseModel, ValidationError

from functions.answering import Answering
from shared import bootstrap
from shared.domain.errors import FieldProblem, InvalidRequest, NotAuthenticated, RelayError, TryLater
from shared.domain.tokens import Action, Group, Scope
from shared.patience import patience

Model = TypeVar("Model", bound=BaseModel)
Handler = Callable[[func.HttpRequest], func.HttpResponse]
AsyncHandler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]

# Many clients give up after half a minute, and then know less than what a 503 tells.
PATIENCE = timedelta(seconds=20)
_COME_AGAIN = timedelta(seconds=10)

_SLASH = re.compile("%2f", re.IGNORECASE)
_FIELD = re.compile(r"^[A-Za-z_]\w*$")
# Rules about several fields at once have no place in the body; each is told at the field that mends it.
_AT = {
    "credential": "clientSecret",
    "client_secret_expires": "clientSecretExpires",
    "auth": "oauth2.auth.user",
    "tenant": "tenant",
    "redirect": "redirectUrl",
}
_TYPES = frozenset({"str", "int", "bool", "tuple", "dict", "list", "datetime", "nullable"})
# pydantic's own words for these name a class of ours.
_OBJECTS = frozenset({"model_type", "model_attributes_type", "dict_type"})
_OWN_WORDS = frozenset({"authority", "authorize", *_AT})


def parse(model: type[Model], req: func.HttpRequest) -> Model:
    """Returns the JSON body of *req* as *model*; raises InvalidRequest naming every field that is wrong."""
    body = req.get_body()
    try:
        given = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        raise InvalidRequest(message="The body must be JSON.") from None
    if not isinstance(given, dict):
        raise InvalidRequest(message="The body must be a JSON object.")
    return _validated(model, given)


def parse_query(model: type[Model], req: func.HttpRequest, *, empty: bool = False) -> Model:
    """
    Returns the query of *req* as *model*; raises InvalidRequest naming every argument that is wrong.

    The host leaves out arguments without a value; with *empty* they are seen all the same.
    """
    found = dict.fromkeys(parse_qs(urlsplit(req.url).query, keep_blank_values=True), "") if empty else {}
    given = {key: value for key, value in (found | dict(req.params)).items() if key != "access_token"}
    return _validated(model, given)


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
    again = (problem.retry_after or otherwise) if isinstance(problem, TryLater) else None
    if again is not None:
        answer.headers["Retry-After"] = str(max(1, ceil(again.total_seconds())))
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
            try:
                account, token = req.params.get("account") if account_in_query else account_of(req), _token(req)
                relay = bootstrap.relay()
                with patience(PATIENCE):
                    relay.tokens.authorize(token, scope, action, group, account)
                    answering.knows(account, token)
                    relay.timers.repair()
                    return answering.told(handler(req))
            except RelayError as problem:
                return answering.told(refuse(problem, otherwise=_COME_AGAIN), problem)
            except Exception as problem:  # noqa: BLE001  the host would answer an empty 500; clients expect the envelope
                answering.broke(problem)
                return _broken()

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


def _token(req: func.HttpRequest) -> str | None:
    kind, _, value = req.headers.get("authorization", "").partition(" ")
    asked: str | None = req.params.get("access_token")
    return value.strip() if kind.lower() == "bearer" else asked


def _validated(model: type[Model], given: dict[str, Any]) -> Model:
    try:
        return model.model_validate(given, by_alias=True, by_name=False)
    except ValidationError as refused:
        problems: dict[str, FieldProblem] = {}
        for error in refused.errors(include_url=False, include_input=False, include_context=False):
            problem = _problem(error["type"], error["loc"], error["msg"])
            problems.setdefault(problem.key, problem)
        # `from None`: pydantic's own text shows the input, which may hold a secret.
        raise InvalidRequest(*problems.values()) from None


def _problem(kind: str, location: tuple[int | str, ...], message: str) -> FieldProblem:
    key = _AT.get(kind) or ".".join(_names(kind, location))
    told = message.removeprefix("Value error, ").replace("tuple", "array")
    if kind == "missing":
        told = "is required"
    elif kind == "extra_forbidden":
        told = "is not allowed"
    elif kind in _OBJECTS:
        told = "must be an object"
    if kind in _OWN_WORDS and not told.startswith("must"):
        return FieldProblem(key, told)
    return FieldProblem(key, f'"{key}" {told[:1].lower()}{told[1:]}')


def _names(kind: str, location: tuple[int | str, ...]) -> list[str]:
    # The branches of a union appear in a location too, as the names of types; a client knows only its fields. But what
    # is not allowed is named as the client spelt it, whatever that looks like.
    unknown = location[-1:] if kind == "extra_forbidden" else ()
    known = location[: len(location) - len(unknown)]
    names = [str(part) for part in known if isinstance(part, int) or (_FIELD.match(part) and part not in _TYPES)]
    return [*names, *map(str, unknown)]
