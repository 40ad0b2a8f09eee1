"""Requests: how they are read, answered and refused, field by field."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from functions.requests import PATIENCE, account_of, endpoint, open_endpoint, parse, parse_query, refuse, respond
from shared import bootstrap
from shared.domain.accounts import AccountQuery
from shared.domain.callers import Caller
from shared.domain.errors import (
    AccountNotFound,
    Changed,
    FieldProblem,
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    OAuth2AppInUse,
    RateLimitExceeded,
    RelayError,
    RequestTooLarge,
    TryLater,
)
from shared.domain.instance_settings import InstanceSettingsQuery
from shared.domain.rate_limits import Allowance
from shared.domain.registrations import NewAccount
from shared.domain.tokens import Action, Group, Scope
from shared.patience import left, waste
from tests.factories import a_request


@dataclass
class Guard:
    """Notes what was asked for, and refuses when told to."""

    problem: RelayError | None = None
    allowance: Allowance | None = None
    asked: list[Any] = field(default_factory=list)
    caller: Caller | None = None

    def authorize(self, *asked: Any, caller: Caller) -> Allowance | None:
        """Let everybody in, unless there is a problem."""
        self.asked, self.caller = list(asked), caller
        if self.problem:
            raise self.problem
        return self.allowance

    def repair(self) -> None:
        """Do nothing, as timers that are well."""


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Guard:
    """Return the guard that stands before every endpoint."""
    guard = Guard()
    monkeypatch.setattr(bootstrap, "relay", lambda: SimpleNamespace(tokens=guard, timers=guard))
    return guard


def body_of(answer: func.HttpResponse) -> Any:
    """Return the JSON of an answer."""
    assert answer.mimetype == "application/json"
    return json.loads(answer.get_body())


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (
            InvalidRequest(FieldProblem("account", '"account" is required')),
            {
                "statusCode": 400,
                "error": "Bad Request",
                "message": "Invalid input",
                "fields": [{"message": '"account" is required', "key": "account"}],
            },
        ),
        (NotAuthenticated("Bad token"), {"statusCode": 401, "error": "Unauthorized", "message": "Bad token"}),
        (
            Forbidden("Unauthorized scope", requestedScope="api"),
            {"statusCode": 403, "error": "Forbidden", "message": "Unauthorized scope", "requestedScope": "api"},
        ),
        (
            AccountNotFound("anna"),
            {"statusCode": 404, "error": "Not Found", "message": "Account record was not found for requested ID"},
        ),
        (
            OAuth2AppInUse("app", 2),
            {
                "statusCode": 409,
                "error": "Conflict",
                "message": "2 account(s) still use the application 'app': delete them first, "
                "or repeat with force=true.",
                "code": "ForceRequired",
                "accounts": 2,
            },
        ),
        (
            Changed("Somebody else changed it."),
            {"statusCode": 409, "error": "Conflict", "message": "Somebody else changed it."},
        ),
        (
            TryLater("Storage is busy.", timedelta(seconds=30)),
            {
                "statusCode": 503,
                "error": "Service Unavailable",
                "message": "Storage is busy.",
                "code": "TryLater",
            },
        ),
        (
            RateLimitExceeded(Allowance(limit=20, remaining=0, reset=42)),
            {"statusCode": 429, "error": "Too Many Requests", "message": "Rate limit exceeded", "ttl": 42},
        ),
    ],
    ids=["400", "401", "403", "404", "409 in use", "409 changed", "503", "429"],
)
def test_a_refusal_is_emailengines_envelope(problem: RelayError, expected: dict[str, Any]) -> None:
    """Each failure has EmailEngine's keys in EmailEngine's order, and its status."""
    answer = refuse(problem)
    assert answer.status_code == expected["statusCode"]
    assert list(body_of(answer).items()) == list(expected.items())


def test_who_must_sign_in_is_told_how() -> None:
    """401 names the scheme, and only 401 does."""
    assert refuse(NotAuthenticated("Bad token")).headers["WWW-Authenticate"] == 'Bearer realm="Relay365"'
    assert "WWW-Authenticate" not in refuse(Forbidden("Unauthorized account")).headers


def test_a_call_has_some_patience(guard: Guard) -> None:
    """A call that waited in vain for as long as it may is 503, and says for what, and when to come again."""

    @endpoint(Scope.API, Action.READ, Group.ACCOUNT)
    def ask(req: func.HttpRequest) -> func.HttpResponse:
        waste(PATIENCE.total_seconds(), "The vault")
        return respond(left())

    answer = ask(a_request())
    assert answer.status_code == 503
    assert (body_of(answer)["code"], body_of(answer)["message"]) == ("TryLater", "The vault did not answer in time.")
    assert answer.headers["Retry-After"] == "10"


@pytest.mark.parametrize(
    ("wait", "told"), [(timedelta(seconds=30), "30"), (timedelta(milliseconds=5), "1"), (None, None)]
)
def test_who_must_wait_is_told_how_long(wait: timedelta | None, told: str | None) -> None:
    """503 says when to come again, a second at least, where that is known."""
    assert refuse(TryLater("Storage is busy.", wait)).headers.get("Retry-After") == told


def test_an_answer_is_json() -> None:
    """An answer is compact JSON in UTF-8."""
    answer = respond({"name": "Jüri", "ok": True}, 201)
    assert (answer.status_code, answer.mimetype, answer.charset) == (201, "application/json", "utf-8")
    assert answer.get_body() == '{"name":"Jüri","ok":true}'.encode()


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff", b"[" * 100_000, b"1" * 5000, b"account=anna", b'{"account": NaN}', b'{"account": -Infinity}'],
)
def test_a_body_that_is_no_json(body: bytes) -> None:
    """A body that is no JSON is refused with a sentence, however odd it is."""
    with pytest.raises(InvalidRequest, match=r"^The body must be JSON\.$"):
        parse(NewAccount, a_request(body))


@pytest.mark.parametrize("body", [b"[]", b"null", b'"anna"', b"1"])
def test_a_body_that_is_no_object(body: bytes) -> None:
    """JSON that is no object is refused with a sentence."""
    with pytest.raises(InvalidRequest, match=r"^The body must be a JSON object\.$"):
        parse(NewAccount, a_request(body))


def test_a_body_that_is_too_large() -> None:
    """A body beyond a mebibyte is refused, and not read."""
    with pytest.raises(RequestTooLarge, match=r"1048576 bytes or fewer"):
        parse(NewAccount, a_request(b"[" * (1024 * 1024 + 1)))


@pytest.mark.parametrize("body", [b'{"page": 1, "page": 2}', b'{"state": {"page": 1, "page": 1}}'])
def test_a_name_given_twice_in_a_body(body: bytes) -> None:
    """A name with two values is neither of them, at any depth."""
    with pytest.raises(InvalidRequest) as refused:
        parse(AccountQuery, a_request(body))
    assert [problem.message for problem in refused.value.problems] == ['"page" must be given once']


@pytest.mark.parametrize("query", ["page=1&page=2", "page=1&page=", "page=1&state=init&%70age=1"])
def test_an_argument_given_twice(query: str) -> None:
    """An argument with two values is named, where the host would join them."""
    with pytest.raises(InvalidRequest) as refused:
        parse_query(AccountQuery, a_request(url=f"https://relay.example.com/v1/accounts?{query}"))
    assert [problem.message for problem in refused.value.problems] == ['"page" must be given once']


@pytest.mark.parametrize("yes", ["true", "1", "Y", "True", "yes", "on"])
def test_truthy_arguments(yes: str) -> None:
    """A flag is raised by any of the words that EmailEngine takes for yes."""
    query = parse_query(InstanceSettingsQuery, a_request(query={"webhooks": yes, "serviceUrl": "false"}))
    assert (query.webhooks, query.service_url, query.notify_text) == (True, False, False)


def test_a_query_is_read_like_a_body() -> None:
    """Arguments become numbers, a token among them does not count, and what is wrong is named."""
    query = parse_query(AccountQuery, a_request(query={"page": "2", "pageSize": "50", "access_token": "t"}))
    assert (query.page, query.page_size) == (2, 50)
    with pytest.raises(InvalidRequest) as refused:
        parse_query(AccountQuery, a_request(query={"pageSize": "5000", "sort": "name"}))
    assert {problem.key: problem.message for problem in refused.value.problems} == {
        "pageSize": '"pageSize" input should be less than or equal to 1000',
        "sort": '"sort" is not allowed',
    }


@pytest.mark.parametrize(
    ("request_", "token"),
    [
        (a_request(headers={"Authorization": "Bearer abc"}), "abc"),
        (a_request(headers={"authorization": "bearer  abc "}), "abc"),
        (a_request(query={"access_token": "abc"}), "abc"),
        (a_request(headers={"Authorization": "Basic eA=="}, query={"access_token": "abc"}), "abc"),
        (a_request(headers={"Authorization": "Bearer abc"}, query={"access_token": "other"}), "abc"),
        (a_request(), None),
    ],
)
def test_where_a_token_stands(guard: Guard, request_: func.HttpRequest, token: str | None) -> None:
    """A token comes in the header, or in the query as in EmailEngine."""
    endpoint(Scope.API, Action.READ, Group.ACCOUNT)(lambda _: respond({}))(request_)
    assert guard.asked == [token, Scope.API, Action.READ, Group.ACCOUNT, ""]


@pytest.mark.parametrize(
    ("route", "account"),
    [({"account": "a%2Fb"}, "a/b"), ({"account": "a%2fb/c"}, "a/b/c"), ({"account": "50%25"}, "50%25"), ({}, "")],
)
def test_a_slash_in_a_path_stays_encoded(guard: Guard, route: dict[str, str], account: str) -> None:
    """The host decodes a path but for its slashes; the account is the same for the guard and for the handler."""
    endpoint(Scope.API, Action.READ, Group.ACCOUNT)(lambda req: respond({"account": account_of(req)}))(
        a_request(route=route)
    )
    assert (account_of(a_request(route=route)), guard.asked[-1]) == (account, account)


def test_the_account_of_a_query_counts_where_it_narrows(guard: Guard) -> None:
    """A token is checked for the account in the query only on a route that shows nothing of others then."""
    asked = a_request(query={"account": "anna"})
    endpoint(Scope.API, Action.READ, Group.ADMIN)(lambda _: respond({}))(asked)
    assert guard.asked[-1] == ""
    narrowed = endpoint(Scope.API, Action.READ, Group.ADMIN, account_in_query=True)(lambda _: respond({}))
    narrowed(asked)
    assert guard.asked[-1] == "anna"
    narrowed(a_request())
    assert guard.asked[-1] is None


def test_a_caller_is_known_by_headers(guard: Guard) -> None:
    """The guard hears which addresses a request came by, and from which page."""
    request_ = a_request(headers={"X-Forwarded-For": "203.0.113.9:1", "Referer": "https://app.example.com/"})
    endpoint(Scope.API, Action.READ, Group.ACCOUNT)(lambda _: respond({}))(request_)
    assert guard.caller == Caller("203.0.113.9:1", "https://app.example.com/")


def test_an_allowance_is_told_in_every_answer(guard: Guard) -> None:
    """A token with a rate limit reads what is left of it under EmailEngine's names; any other reads nothing of it."""
    handler = endpoint(Scope.API, Action.READ, Group.ACCOUNT)(lambda req: respond(parse(AccountQuery, req).page))
    assert not [name for name in handler(a_request()).headers if name.lower().startswith("x-ratelimit")]
    guard.allowance = Allowance(limit=20, remaining=3, reset=42)
    told = {"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "42"}
    for body, status in ((b"", 200), (b"{", 400)):
        answer = handler(a_request(body))
        assert (answer.status_code, told.items() <= dict(answer.headers).items()) == (status, True)
    guard.problem = RateLimitExceeded(Allowance(limit=20, remaining=0, reset=42))
    refused = handler(a_request())
    assert (refused.status_code, refused.headers["Retry-After"], refused.headers["X-RateLimit-Reset"]) == (
        429,
        "42",
        "42",
    )


def test_who_may_not_enter_is_not_read(guard: Guard) -> None:
    """A token is checked for the account in the route, before anybody looks at the body."""
    guard.problem = NotAuthenticated("Bad token")

    @endpoint(Scope.API, Action.WRITE, Group.ACCOUNT)
    def handler(req: func.HttpRequest) -> func.HttpResponse:
        return respond(parse(NewAccount, req).account)

    assert handler(a_request(b"{", route={"account": "anna"})).status_code == 401
    assert guard.asked[-1] == "anna"
    guard.problem = None
    assert body_of(handler(a_request(b"{")))["message"] == "The body must be JSON."


@pytest.mark.usefixtures("guard")
def test_what_breaks_is_answered_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An unforeseen failure is a 500 without a word of it, and stands in the log with its place."""

    @endpoint(Scope.API, Action.READ, Group.ACCOUNT)
    def handler(_: func.HttpRequest) -> func.HttpResponse:
        raise KeyError("t0p-s3cret")

    answer = handler(a_request())
    assert body_of(answer) == {
        "statusCode": 500,
        "error": "Internal Server Error",
        "message": "An internal server error occurred",
    }
    assert answer.status_code == 500
    assert '"event":"request.broken","function":"handler"' in caplog.text
    assert "t0p-s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("problem", "status"), [(TryLater("Storage is busy."), 503), (InvalidRequest(), 400), (KeyError("x"), 500)]
)
def test_open_endpoints_refuse_alike(problem: Exception, status: int) -> None:
    """An endpoint without a token answers its failures in the same envelope."""

    @open_endpoint
    async def handler(_: func.HttpRequest) -> func.HttpResponse:
        raise problem

    async def ask() -> func.HttpResponse:
        return await handler(a_request())

    answer = asyncio.run(ask())
    assert (answer.status_code, body_of(answer)["statusCode"]) == (status, status)
