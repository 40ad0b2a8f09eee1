"""Access tokens: who reaches the API, and `/v1/tokens` as EmailEngine's clients know it."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.tokens import Scope
from shared.services.relay import Relay
from tests.factories import a_token
from tests.fakes.clock import START
from tests.functions.bodies import an_account
from tests.functions.client import Client, fields, path_to
from tests.functions.outside import FIRST_TOKEN

OPEN = {"health", "notifications", "notifications_lifecycle", "sign_ins_open", "sign_ins_finish"}
EMAILENGINE_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
READER = {"actions": ["read"], "groups": ["account", "webhook"]}


def limited_to(**restrictions: object) -> dict[str, object]:
    """Return the body of a token with *restrictions*."""
    return {"description": "d", "permissions": READER, "restrictions": restrictions}


def test_every_route_asks_for_a_token(api: Client, app_functions: list[Any]) -> None:
    """Without a token every route but Graph's, users' and the health check is 401."""
    asked = []
    for function in app_functions:
        trigger = function.get_trigger().get_dict_repr()
        if trigger["type"] != "httpTrigger" or function.get_function_name() in OPEN:
            continue
        path = "/" + re.sub(r"{\w+}", "x", trigger["route"])
        asked += [api.call(getattr(method, "value", method), path, token=None).status for method in trigger["methods"]]
    assert len(asked) > 20
    assert set(asked) == {401}


@pytest.mark.parametrize(("token", "message"), [(None, "Missing authentication"), ("f2" * 32, "Bad token")])
def test_missing_and_unknown_token_are_refused(api: Client, token: str | None, message: str) -> None:
    """Without a token, or with one that nobody made, the answer is 401 with `WWW-Authenticate: Bearer`."""
    answer = api.call("GET", "/v1/accounts", token=token)
    assert answer.status == 401
    assert answer.json() == {"statusCode": 401, "error": "Unauthorized", "message": message}
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_refusal_comes_before_the_body(api: Client) -> None:
    """Whoever has no token learns nothing about a body that is wrong."""
    assert api.call("POST", "/v1/account", b"{", token=None).status == 401


def test_token_may_stand_in_the_query(api: Client) -> None:
    """`access_token` in the query serves as well, and is no unknown argument; a wrong one is 401."""
    assert api.call("GET", "/v1/accounts", query={"access_token": FIRST_TOKEN}, token=None).status == 200
    assert api.call("GET", "/v1/accounts", query={"access_token": "f2" * 32}, token=None).status == 401


def test_expired_token_is_refused(api: Client, relay: Relay) -> None:
    """From the moment it expires, a token is as unknown as any other."""
    value = keep(relay, expires=START)
    assert api.call("GET", "/v1/accounts", token=value).status == 401


def test_token_without_the_scope_is_refused(api: Client, relay: Relay) -> None:
    """A token for metrics does not open the API, and the answer names the scope."""
    answer = api.call("GET", "/v1/accounts", token=keep(relay, scopes=(Scope.METRICS,)))
    assert answer.json() == {
        "statusCode": 403,
        "error": "Forbidden",
        "message": "Unauthorized scope",
        "requestedScope": "api",
    }
    assert answer.status == 403


def test_token_without_the_permission_is_refused(api: Client, account: str) -> None:
    """A token reads what its permissions name; for the rest the answer names the action and the group."""
    value = make(api, permissions=READER)["token"]
    assert api.call("GET", f"/v1/account/{account}", token=value).status == 200
    assert api.call("GET", "/v1/deliveries", token=value).status == 200
    answer = api.call("DELETE", f"/v1/account/{account}", token=value)
    assert (answer.status, answer.json()) == (
        403,
        {
            "statusCode": 403,
            "error": "Forbidden",
            "message": "Unauthorized permission",
            "requiredPermission": {"action": "destructive", "group": "account"},
        },
    )


@pytest.mark.parametrize("permissions", [{}, {"actions": ["read"]}, {"actions": ["read"], "groups": ["admin"]}])
def test_what_is_not_granted_is_denied(api: Client, permissions: dict[str, object]) -> None:
    """Empty permissions allow nothing, and `admin` can be granted to nobody."""
    value = make(api, permissions=permissions)["token"]
    assert api.call("GET", "/v1/accounts", token=value).status == 403
    assert api.call("GET", "/v1/settings", query={"webhooks": "true"}, token=value).status == 403


def test_token_of_an_account_reaches_that_account_only(api: Client, account: str) -> None:
    """A token that is bound to an account opens its routes; others, and what is for all, are 403."""
    value = make(api, account=account)["token"]
    assert api.call("GET", f"/v1/account/{account}", token=value).status == 200
    elsewhere = ("account/other", "accounts", "settings", "oauth2", "deliveries", "tokens", "tokens/account/other")
    for path in elsewhere:
        answer = api.call("GET", f"/v1/{path}", token=value)
        assert (answer.status, answer.json()) == (
            403,
            {"statusCode": 403, "error": "Forbidden", "message": "Unauthorized account"},
        )
    assert api.call("POST", "/v1/tokens", {"account": account, "description": "more"}, token=value).status == 403


def test_token_of_an_account_lists_its_own(api: Client, account: str) -> None:
    """A token that is bound to an account may list its tokens, by query as by path, and its deliveries."""
    made = make(api, account=account)
    own = api.call("GET", "/v1/deliveries", query={"account": account}, token=made["token"])
    assert own.status == 200
    for path in ("tokens", "deliveries"):
        assert api.call("GET", f"/v1/{path}", query={"account": "other"}, token=made["token"]).status == 403
    for path, query in ((f"/v1/tokens/account/{account}", {}), ("/v1/tokens", {"account": account})):
        answer = api.call("GET", path, query=query, token=made["token"])
        assert (answer.status, [entry["id"] for entry in answer.json().get("tokens", ())]) == (200, [made["id"]])


@pytest.mark.parametrize("route", ["/v1/tokens", "/v1/token"])
def test_value_is_shown_once(api: Client, account: str, route: str) -> None:
    """POST answers with 64 hex digits and their SHA-256 as id; no later answer holds the value."""
    body = {
        "account": account,
        "description": "CRM",
        "scopes": ["api"],
        "metadata": '{"a":1}',
        "expires": "2027-01-01T00:00:00Z",
    }
    answer = api.post(route, body)
    made = answer.json()
    assert (answer.status, set(made)) == (200, {"token", "id"})
    assert re.fullmatch(r"[0-9a-f]{64}", made["token"])
    assert made["id"] == hashlib.sha256(bytes.fromhex(made["token"])).hexdigest()
    shown = api.get(f"/v1/tokens/{made['id']}")
    assert made["token"] not in shown.body.decode()
    absent = {"permissions": None, "restrictions": None, "ip": None}
    expected = {"id": made["id"], **absent, **{k: v for k, v in body.items() if k != "expires"}}
    assert expected.items() <= shown.json().items()


def test_dates_are_spelt_as_emailengine_does(api: Client, account: str) -> None:
    """`created` and `expires` have milliseconds and end with Z, whatever offset was given."""
    made = make(api, account=account, expires="2027-01-01T02:00:00+02:00")
    shown = api.get(f"/v1/tokens/{made['id']}").json()
    assert EMAILENGINE_DATE.fullmatch(shown["created"])
    assert shown["expires"] == "2027-01-01T00:00:00.000Z"


def test_list_is_paged_and_filtered(api: Client, account: str) -> None:
    """GET tokens pages the tokens of an account; the older route lists them all at once."""
    ids = {make(api, account=account)["id"] for _ in range(3)}
    first = api.get("/v1/tokens", account=account, pageSize=2).json()
    second = api.get("/v1/tokens", account=account, pageSize=2, page=1).json()
    assert {key: first[key] for key in ("account", "query", "total", "page", "pages")} == {
        "account": account,
        "query": False,
        "total": 3,
        "page": 0,
        "pages": 2,
    }
    assert {entry["id"] for entry in first["tokens"] + second["tokens"]} == ids
    older = api.get(f"/v1/tokens/account/{account}").json()
    assert (set(older), {entry["id"] for entry in older["tokens"]}) == ({"tokens"}, ids)


def test_list_is_searched(api: Client, account: str, unique: Callable[[str], str]) -> None:
    """`query` finds tokens by their description, whatever its case, or by their id."""
    word = unique("w")
    made = make(api, account=account, description=f"The {word.upper()} one")
    make(api, account=account)
    answer = api.get("/v1/tokens", query=word)
    assert answer.json()["query"] == word
    assert [entry["id"] for entry in answer.json()["tokens"]] == [made["id"]]
    assert [entry["id"] for entry in api.get("/v1/tokens", query=made["id"][:16]).json()["tokens"]] == [made["id"]]


@pytest.mark.parametrize("route", ["/v1/tokens", "/v1/token"])
@pytest.mark.parametrize("name", ["token", "id"])
def test_revocation_is_immediate(api: Client, account: str, route: str, name: str) -> None:
    """DELETE by value or by id answers `deleted`, and the token opens nothing any more."""
    made = make(api, account=account)
    assert api.call("GET", f"/v1/account/{account}", token=made["token"]).status == 200
    answer = api.delete(f"{route}/{made[name]}")
    assert (answer.status, answer.json()) == (200, {"deleted": True})
    assert api.call("GET", f"/v1/account/{account}", token=made["token"]).status == 401
    assert api.get(f"/v1/tokens/{made['id']}").status == 404


@pytest.mark.parametrize("pause", [True, False], ids=["after its removal", "before its removal ended"])
def test_token_ends_with_its_account(api: Client, app_id: str, account: str, *, pause: bool) -> None:
    """A token of a removed account does not open the next account of that name, however soon it comes."""
    value = make(api, account=account)["token"]
    api.delete(f"/v1/account/{account}")
    if pause:
        api.pump()
    assert api.post("/v1/account", an_account(account, app_id)).json()["state"] == "new"
    api.pump()
    assert api.call("GET", f"/v1/account/{account}", token=value).status == 401


@pytest.mark.parametrize("name", ["0" * 64, "x", "a/b", "é" * 64, "'" * 64])
def test_unknown_token_is_not_found(api: Client, name: str) -> None:
    """Whatever id is asked for, one that nobody made is 404."""
    answer = api.get(path_to("v1", "tokens", name))
    assert (answer.status, answer.json()["message"]) == (404, "Requested access token was not found")


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"description": "for all"}, "permissions"),
        ({"permissions": READER}, "description"),
        ({"description": "d", "permissions": READER, "scopes": ["*"]}, "scopes"),
        ({"description": "d", "permissions": READER, "scopes": []}, "scopes"),
        ({"description": "d", "permissions": READER, "scopes": ["metrics"]}, "permissions"),
        ({"description": "d", "permissions": {"colour": ["red"]}}, "permissions.colour"),
        ({"description": "d", "permissions": READER, "expires": "2020-01-01T00:00:00Z"}, "expires"),
        ({"description": "d", "permissions": READER, "colour": "red"}, "colour"),
        ({"description": "d", "permissions": READER, "ip": "10.0.0"}, "ip"),
        (limited_to(addresses=["10.0.0.5", "10.0.0.0/33"]), "restrictions.addresses.1"),
        (limited_to(addresses=[]), "restrictions.addresses"),
        (limited_to(referrers=[""]), "restrictions.referrers.0"),
        (limited_to(rateLimit={"maxRequests": 0, "timeWindow": 1}), "restrictions.rateLimit.maxRequests"),
        (limited_to(hours="9-17"), "restrictions.hours"),
    ],
)
def test_wrong_field_is_named(api: Client, body: dict[str, object], key: str) -> None:
    """A token for the whole instance must be narrowed by permissions, and every wrong field is named."""
    assert list(fields(api.post("/v1/tokens", body))) == [key]


def test_token_is_kept_to_its_addresses(api: Client) -> None:
    """A token with addresses opens nothing from elsewhere, whatever the caller writes before what the platform adds."""
    value = make(api, permissions=READER, restrictions={"addresses": ["203.0.113.0/24"]})["token"]

    def status(forwarded: str) -> int:
        return api.call("GET", "/v1/accounts", token=value, headers={"X-Forwarded-For": forwarded}).status

    assert status("198.51.100.7, 203.0.113.9:49196") == 200
    answer = api.call("GET", "/v1/accounts", token=value, headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.7:1"})
    assert (answer.status, answer.json()) == (
        403,
        {"statusCode": 403, "error": "Forbidden", "message": "Unauthorized address", "remoteAddress": "198.51.100.7"},
    )
    assert api.call("GET", "/v1/accounts", token=value).json()["remoteAddress"] is None


def test_token_is_kept_to_its_pages(api: Client) -> None:
    """A token with referrers opens nothing for another page, or for none."""
    value = make(api, permissions=READER, restrictions={"referrers": "https://app.example.com/*"})["token"]
    assert api.call("GET", "/v1/accounts", token=value, headers={"Referer": "https://app.example.com/x"}).status == 200
    for headers in ({"Referer": "https://evil.example/"}, {}):
        answer = api.call("GET", "/v1/accounts", token=value, headers=headers)
        assert (answer.status, answer.json()) == (
            403,
            {"statusCode": 403, "error": "Forbidden", "message": "Unauthorized referrer"},
        )


def test_token_with_a_rate_limit(api: Client) -> None:
    """Each answer tells what is left; beyond it the answer is 429 until the window ends, and tells when."""
    restrictions = {"rateLimit": {"maxRequests": 2, "timeWindow": 3600}}
    made = make(api, permissions=READER, restrictions=restrictions)
    assert api.get(f"/v1/tokens/{made['id']}").json()["restrictions"] == {
        "addresses": False,
        "referrers": False,
        **restrictions,
    }
    answers = [api.call("GET", "/v1/accounts", token=made["token"]) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    refused = answers[-1]
    reset = refused.headers["X-RateLimit-Reset"]
    assert (refused.headers["X-RateLimit-Limit"], refused.headers["Retry-After"]) == ("2", reset)
    assert refused.json() == {
        "statusCode": 429,
        "error": "Too Many Requests",
        "message": "Rate limit exceeded",
        "ttl": int(reset),
    }


def test_account_of_a_token_must_exist(api: Client) -> None:
    """A token for an account that nobody registered is 404."""
    assert api.post("/v1/tokens", {"account": "nobody", "description": "d"}).status == 404


def make(api: Client, **changes: object) -> dict[str, str]:
    """Make a token; return its value and its id."""
    answer = api.post("/v1/tokens", {"description": "CRM", **changes})
    assert answer.status == 200, answer.body
    made: dict[str, str] = answer.json()
    return made


def keep(relay: Relay, **changes: object) -> str:
    """Store a token that the API would not make, and return its value."""
    value = hashlib.sha256(repr(changes).encode()).hexdigest()
    relay.tokens.store.insert(a_token(id=hashlib.sha256(bytes.fromhex(value)).hexdigest(), **changes))
    return value
