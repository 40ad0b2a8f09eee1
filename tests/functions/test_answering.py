"""Answering: one line for each request, which says who was answered what, and nothing that a stranger wrote."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.answering import Answering
from functions.requests import respond
from shared import bootstrap
from shared.domain.errors import NotDeliverable, TryLater
from shared.domain.tokens import token_id
from tests.fakes.log import FakeLog
from tests.functions.bodies import an_account
from tests.functions.client import Client
from tests.functions.outside import FIRST_TOKEN, Outside


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> FakeLog:
    """Return the log that requests are told to."""
    log = FakeLog()
    monkeypatch.setattr(bootstrap, "log", lambda: log)
    return log


def line_of(log: FakeLog, name: str = "request.answered") -> dict[str, Any]:
    """Return the fields of the only line, without how long it took."""
    ((said, fields, _),) = log.lines
    assert said == name
    milliseconds = fields["milliseconds"]
    assert isinstance(milliseconds, int)
    assert milliseconds >= 0
    return {key: value for key, value in fields.items() if value is not None and key != "milliseconds"}


def test_a_request_is_one_line(log: FakeLog) -> None:
    """An answer tells its function, its status, whose account it is about, and a part of the token's id."""
    answering = Answering("accounts_show")
    answering.knows("help", FIRST_TOKEN)
    answering.told(respond({}))
    assert line_of(log) == {
        "function": "accounts_show",
        "status": 200,
        "account": "help",
        "token": token_id(FIRST_TOKEN)[:12],
    }


def test_only_our_failures_are_told_in_words(log: FakeLog) -> None:
    """What the caller did wrong is told as a code, since its words may repeat what he sent; what we lack, in full."""
    Answering("accounts_register").told(respond({}, 409), NotDeliverable("PayloadExpired", "t0p-s3cret"))
    assert line_of(log) == {"function": "accounts_register", "status": 409, "code": "PayloadExpired"}
    log.lines.clear()
    Answering("accounts_register").told(respond({}, 503), TryLater("Storage is busy."))
    assert line_of(log)["error"] == "Storage is busy."


def test_a_broken_request_is_a_problem(log: FakeLog) -> None:
    """What nobody foresaw is told by its kind and its place."""
    Answering("accounts_show").broke(KeyError("t0p-s3cret"))
    assert line_of(log, "request.broken") == {"function": "accounts_show", "error": "KeyError", "stack": []}
    assert log.problems() == ["request.broken"]


def test_requests_as_clients_make_them(
    api: Client, outside: Outside, app_id: str, unique: Callable[[str], str]
) -> None:
    """The routes of the API tell their callers; a stranger is told without a word of his; health makes no line."""
    account = unique("a")
    outside.log.lines.clear()
    api.post("/v1/account", an_account(account, app_id))
    api.get(f"/v1/account/{account}")
    api.call("GET", f"/v1/account/{account}", token="wrong")
    api.get("/health")
    told = outside.log.named("request.answered")
    assert [(line["function"], line["status"], line.get("account")) for line in told] == [
        ("accounts_register", 200, None),
        ("accounts_show", 200, account),
        ("accounts_show", 401, None),
    ]
    assert [line.get("token") for line in told] == [token_id(FIRST_TOKEN)[:12]] * 2 + [None]


def test_a_token_that_is_refused_is_told(api: Client, outside: Outside) -> None:
    """Of a bearer who may not do this the token is told, so that somebody can mend it; what was asked for is not."""
    permissions = {"actions": ["read"], "groups": ["account"]}
    made = api.post("/v1/tokens", {"description": "CRM", "permissions": permissions}).json()
    outside.log.lines.clear()
    api.call("DELETE", "/v1/account/t0p-s3cret", token=made["token"])
    (told,) = outside.log.named("request.answered")
    assert (told["status"], told["token"], told["account"]) == (403, made["id"][:12], None)
