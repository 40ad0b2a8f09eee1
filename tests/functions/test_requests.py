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
from shared.domain.accounts import AccountQuery, NewAccount
from shared.domain.errors import (
    AccountNotFound,
    Changed,
    FieldProblem,
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    OAuth2AppInUse,
    RelayError,
    TryLater,
)
from shared.domain.instance_settings import InstanceSettingsChange, InstanceSettingsQuery
from shared.domain.oauth2 import NewOAuth2App, OAuth2AppChange
from shared.domain.tokens import Action, Group, Scope
from shared.patience import left, waste
from tests.factories import CLIENT, a_request

ACCOUNT = {"account": "anna", "oauth2": {"provider": "app", "auth": {"user": "anna@contoso.com"}}}


@dataclass
class Guard:
    """Notes what was asked for, and refuses when told to."""

    problem: RelayError | None = None
    asked: list[Any] = field(default_factory=list)

    def authorize(self, *asked: Any) -> None:
        """Let everybody in, unless there is a problem."""
        self.asked = list(asked)
        if self.problem:
            raise self.problem

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


def fields(model: type[Any], body: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with *body*: each key and its message."""
    with pytest.raises(InvalidRequest) as refused:
        parse(model, a_request(json.dumps(body).encode()))
    return {problem.key: problem.message for problem in refused.value.problems}


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
    ],
    ids=["400", "401", "403", "404", "409 in use", "409 changed", "503"],
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
    """A call that waited in vain for as long as it may is 503, and says when to come again."""

    @endpoint(Scope.API, Action.READ, Group.ACCOUNT)
    def ask(req: func.HttpRequest) -> func.HttpResponse:
        waste(PATIENCE.total_seconds())
        return respond(left())

    answer = ask(a_request())
    assert (answer.status_code, body_of(answer)["code"]) == (503, "TryLater")
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


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"1" * 5000, b"account=anna"])
def test_a_body_that_is_no_json(body: bytes) -> None:
    """A body that is no JSON is refused with a sentence, however odd it is."""
    with pytest.raises(InvalidRequest, match=r"^The body must be JSON\.$"):
        parse(NewAccount, a_request(body))


@pytest.mark.parametrize("body", [b"[]", b"null", b'"anna"', b"1"])
def test_a_body_that_is_no_object(body: bytes) -> None:
    """JSON that is no object is refused with a sentence."""
    with pytest.raises(InvalidRequest, match=r"^The body must be a JSON object\.$"):
        parse(NewAccount, a_request(body))


def test_every_wrong_field_is_named_once() -> None:
    """All that is wrong is told at once: what lacks, what is unknown, and what is deep inside."""
    assert fields(NewAccount, {"oauth2": {"auth": {"user": "a/b"}, "nope": 1}, "colour": "red"}) == {
        "account": '"account" is required',
        "oauth2.provider": '"oauth2.provider" is required',
        "oauth2.auth.user": '"oauth2.auth.user" must be a mailbox\'s address or user principal name: '
        "no spaces, and none of / ? # \\",
        "oauth2.nope": '"oauth2.nope" is not allowed',
        "colour": '"colour" is not allowed',
    }


@pytest.mark.parametrize(
    ("model", "body", "keys"),
    [
        (NewAccount, {**ACCOUNT, "path": 5}, {"path"}),
        (NewAccount, {**ACCOUNT, "notifyFrom": "soon"}, {"notifyFrom"}),
        (NewAccount, {**ACCOUNT, "webhooksCustomHeaders": [{"key": "Host"}]}, {"key", "value"}),
        (OAuth2AppChange, {"authority": "no tenant"}, {"authority"}),
        (OAuth2AppChange, {"authority": "tenant"}, {"tenant"}),
        (NewAccount, {**ACCOUNT, "oauth2": {"provider": "app", "auth": {}}}, {"oauth2.auth.user"}),
        (NewAccount, {**ACCOUNT, "str": 1, "x-y": 2, "a.b": 3}, {"str", "x-y", "a.b"}),
        (NewAccount, {**ACCOUNT, "webhooks_custom_headers": []}, {"webhooks_custom_headers"}),
        (InstanceSettingsChange, {"webhookEvents": ["nope"]}, {"webhookEvents.0"}),
        (InstanceSettingsChange, {"notifyTextSize": "many"}, {"notifyTextSize"}),
    ],
)
def test_keys_are_fields_of_the_request(model: type[Any], body: dict[str, Any], keys: set[str]) -> None:
    """A key is a path of the client's own names and indexes; the types that we tried are not in it."""
    assert {key.removeprefix("webhooksCustomHeaders.0.") for key in fields(model, body)} == keys


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"authority": "common"},
            {"authority": 'Client credentials flow requires a specific tenant ID; "common" is not allowed'},
        ),
        (
            {"certificate": "pem"},
            {"clientSecret": 'give exactly one of "clientSecret", "certificate" and "managedIdentity"; got 2'},
        ),
        (
            {"redirectUrl": "https://relay.example.com/oauth"},
            {
                "redirectUrl": '"redirectUrl" must be absent: nobody signs in to an application-access application, '
                "so nothing is redirected"
            },
        ),
    ],
)
def test_rules_about_several_fields_name_the_one_that_mends_them(
    changes: dict[str, Any], expected: dict[str, str]
) -> None:
    """EmailEngine's own sentence stays as it is, and a rule about the whole body is told at a field."""
    app = {
        "name": "Contoso",
        "provider": "outlookService",
        "clientId": CLIENT,
        "clientSecret": "s",
        "authority": "a.com",
    }
    assert fields(NewOAuth2App, {**app, **changes}) == expected


def test_no_secret_is_echoed() -> None:
    """What is refused is named and never repeated, since it may be a secret."""
    secret = "t0p-s3cret"
    told = [
        fields(NewOAuth2App, {"clientSecret": [secret], "certificate": {"pem": secret}, "certificatePassword": secret}),
        fields(InstanceSettingsChange, {"serviceSecret": f"whsec_{secret}"}),
        fields(NewAccount, {**ACCOUNT, "webhooksCustomHeaders": [{"key": "A", "value": f"{secret}\n"}]}),
        fields(NewAccount, {**ACCOUNT, "imap": {"auth": {"pass": secret}}}),
    ]
    assert all(told)
    assert secret not in str(told)


def test_what_must_be_an_object_is_told_in_our_words() -> None:
    """A text where an object belongs is refused without the name of a class."""
    assert fields(NewAccount, {**ACCOUNT, "oauth2": "app"}) == {"oauth2": '"oauth2" must be an object'}


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
