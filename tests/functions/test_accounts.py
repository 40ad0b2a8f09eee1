"""`/v1/account` and `/v1/accounts` as EmailEngine's clients know them."""

import json
import re
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient

from shared.domain.accounts import account_key
from shared.domain.changes import ChangeBatch
from shared.domain.erasures import Erasure
from shared.domain.errors import MailboxRefused, SignInRefused, TryLater
from shared.domain.jobs import Job, JobKind
from shared.services.relay import Relay
from tests.factories import a_change, a_message
from tests.fakes.clock import START
from tests.functions.bodies import an_account, an_app
from tests.functions.client import Client, fields, path_to
from tests.functions.outside import Outside

NOT_FOUND = {
    "statusCode": 404,
    "error": "Not Found",
    "message": "Account record was not found for requested ID",
}
NOBODY_SIGNS_IN = "Application-only OAuth providers do not support interactive authorization"
HOSTILE = [
    "a/b",
    "a//b",
    "a%b",
    "../..",
    "a..b",
    "a?b#c&d=e",
    "a b",
    "a+b",
    "Zoë 漢字 \U0001f469\u200d\U0001f680",
    "'; drop",
    "~x",
    "ä" * 256,
]

HOUR = timedelta(hours=1)
# Other tests' tables begin with a prefix of theirs.
OURS = re.compile(
    r"(accounts|deliveries|payloads|sightings|poison|mailboxes|due|flows|grants|mirrors|permits|webhooks)"
)

Unique = Callable[[str], str]


def test_registration_answers_at_once(api: Client, app_id: str, unique: Unique, outside: Outside) -> None:
    """POST answers 200 with the id and `new` before any mailbox is opened; the same body again gives `existing`."""
    name, probed = unique("a"), len(outside.mailboxes.probed)
    answer = api.post("/v1/account", an_account(name, app_id))
    assert (answer.status, answer.json()) == (200, {"account": name, "state": "new"})
    assert len(outside.mailboxes.probed) == probed
    assert api.get(f"/v1/account/{name}").json()["state"] == "init"
    again = api.post("/v1/account", an_account(name, app_id))
    assert (again.status, again.json()) == (200, {"account": name, "state": "existing"})


def test_connected_account_is_shown(api: Client, app_id: str, unique: Unique, outside: Outside) -> None:
    """Once connected, GET shows EmailEngine's fields, with the subscription and the header values masked."""
    name = unique("a")
    options = {"locale": "en", "tz": "Europe/Berlin", "logs": True, "webhooks": "https://receiver.example.com/hook"}
    headers = [{"key": "X-Key", "value": "hush"}]
    body = an_account(name, app_id, email="anna@contoso.com", webhooksCustomHeaders=headers, **options)
    api.post("/v1/account", body)
    api.pump()
    answer = api.get(f"/v1/account/{name}")
    shown = answer.json()
    subscription = shown.pop("outlookSubscription")
    assert shown == {
        "account": name,
        "name": "Anna",
        "email": "anna@contoso.com",
        "state": "connected",
        "lastError": None,
        "type": "outlookService",
        "app": app_id,
        "baseScopes": "api",
        "oauth2": {"provider": app_id, "auth": {"user": f"{name}@contoso.com"}},
        "webhooksCustomHeaders": [{"key": "X-Key", "value": "******"}],
        "path": "*",
        "subconnections": None,
        "notifyFrom": None,
        "nextAttempt": None,
        "polling": False,
        "lastSweep": None,
        "silentFinds": 0,
        **options,
    }
    assert subscription["id"] in outside.subscriptions.of(f"{name}@contoso.com")
    assert subscription["expirationDateTime"] == "2026-03-09T09:30:00.000Z"
    assert subscription["state"]["state"] == "created"
    assert isinstance(subscription["state"]["time"], int)
    assert b"hush" not in answer.body


def test_account_null_asks_for_an_id(api: Client, app_id: str) -> None:
    """With `account: null` the id is 16 characters of [0-9a-z]; without the key the request is refused."""
    name = api.post("/v1/account", an_account(None, app_id)).json()["account"]
    assert re.fullmatch(r"[0-9a-z]{16}", name)
    assert api.get(f"/v1/account/{name}").status == 200
    without = {key: value for key, value in an_account(None, app_id).items() if key != "account"}
    assert fields(api.post("/v1/account", without)) == {"account": '"account" is required'}


def test_name_and_email_may_be_left_out(api: Client, app_id: str, unique: Unique) -> None:
    """Without `name` the account has none; without `email` the mailbox user serves."""
    name = unique("a")
    body = {"account": name, "oauth2": {"provider": app_id, "auth": {"user": f"{name}@contoso.com"}}}
    assert api.post("/v1/account", body).status == 200
    shown = api.get(f"/v1/account/{name}").json()
    assert (shown["name"], shown["email"]) == (None, f"{name}@contoso.com")


def test_address_may_differ_from_the_user_name(api: Client, app_id: str, unique: Unique, outside: Outside) -> None:
    """A shared mailbox is opened by its user principal name and shown with its address."""
    name = unique("a")
    oauth2 = {"provider": app_id, "auth": {"user": f"{name}@contoso.onmicrosoft.com"}}
    api.post("/v1/account", an_account(name, app_id, email="support@contoso.com", oauth2=oauth2))
    api.pump()
    assert api.get(f"/v1/account/{name}").json()["email"] == "support@contoso.com"
    assert outside.mailboxes.probed[-1] == f"{name}@contoso.onmicrosoft.com"


def test_interactive_sign_in_is_refused(api: Client, app_id: str, unique: Unique) -> None:
    """`oauth2.authorize` is refused with EmailEngine's sentence, with or without a mailbox."""
    for rest in ({}, {"auth": {"user": "anna@contoso.com"}}):
        oauth2 = {"provider": app_id, "authorize": True, **rest}
        answer = api.post("/v1/account", an_account(unique("a"), app_id, oauth2=oauth2))
        body = answer.json()
        told = [body["message"], *(field["message"] for field in body.get("fields", ()))]
        assert answer.status == 400
        assert NOBODY_SIGNS_IN in told


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"account": "a" * 257}, "account"),
        ({"account": ""}, "account"),
        ({"account": "a\nb"}, "account"),
        ({"account": 7}, "account"),
        ({"name": "n" * 257}, "name"),
        ({"email": "nobody"}, "email"),
        ({"webhooks": "ftp://receiver.example.com"}, "webhooks"),
        ({"webhooks": "http://receiver.example.com"}, "webhooks"),
        ({"webhooksCustomHeaders": [{"key": "a b", "value": "c"}]}, "webhooksCustomHeaders.0.key"),
        ({"webhooksCustomHeaders": [{"key": "webhook-id", "value": "c"}]}, "webhooksCustomHeaders.0.key"),
        ({"webhooksCustomHeaders": [{"key": "a", "value": "c\r\nd"}]}, "webhooksCustomHeaders.0.value"),
        ({"imap": {"host": "imap.example.com"}}, "imap"),
        ({"colour": "red"}, "colour"),
        ({"web-hooks": "red"}, "web-hooks"),
        ({"oauth2": {"auth": {"user": "anna@contoso.com"}}}, "oauth2.provider"),
        ({"oauth2": {"provider": "x", "auth": {}}}, "oauth2.auth.user"),
        ({"oauth2": {"provider": "x", "auth": {"user": "a/b"}}}, "oauth2.auth.user"),
        ({"oauth2": {"provider": "x", "auth": {"user": "a@b.c"}, "colour": 1}}, "oauth2.colour"),
    ],
)
def test_wrong_field_is_named(api: Client, app_id: str, change: dict[str, object], key: str) -> None:
    """A field that is missing, unknown or wrong is named by its path, and the message says what is wrong."""
    told = fields(api.post("/v1/account", {**an_account("wrong", app_id), **change}))
    assert list(told) == [key]
    assert told[key]


def test_lone_surrogate_is_refused(api: Client, app_id: str) -> None:
    """Text that is no Unicode is refused, not an internal error."""
    answer = api.post("/v1/account", b'{"account": "\\ud800", "oauth2": {}}')
    assert "account" in fields(answer)
    assert "name" in fields(api.post("/v1/account", {**an_account("a", app_id), "name": "\ud800"}))


def test_mailbox_is_watched_once(api: Client, app_id: str, account: str, unique: Unique) -> None:
    """A second account for the same mailbox is 400 with the code and the account that exists, on POST and PUT."""
    other, moved = unique("a"), {"provider": app_id, "auth": {"user": f"{account}@CONTOSO.com"}}
    duplicate = {
        "statusCode": 400,
        "error": "Bad Request",
        "message": "Another account for the same OAuth2 user already exists",
        "code": "AccountAlreadyExists",
        "existingAccount": account,
    }
    answer = api.post("/v1/account", an_account(other, app_id, oauth2=moved))
    assert (answer.status, answer.json()) == (400, duplicate)
    assert api.get(f"/v1/account/{other}").status == 404
    api.post("/v1/account", an_account(other, app_id))
    answer = api.put(f"/v1/account/{other}", {"oauth2": moved})
    assert (answer.status, answer.json()) == (400, duplicate)
    assert api.get(f"/v1/account/{other}").json()["oauth2"]["auth"]["user"] == f"{other}@contoso.com"


def test_mailbox_is_free_after_its_account_is_gone(api: Client, app_id: str, account: str, unique: Unique) -> None:
    """As soon as an account is removed, another one may watch its mailbox."""
    api.delete(f"/v1/account/{account}")
    oauth2 = {"provider": app_id, "auth": {"user": f"{account}@contoso.com"}}
    answer = api.post("/v1/account", an_account(unique("a"), app_id, oauth2=oauth2))
    assert answer.json().get("state") == "new"


def test_change_keeps_what_it_does_not_name(api: Client, account: str) -> None:
    """PUT changes what it names, keeps the rest, and answers with the id; `webhooks: ""` unsets."""
    path = f"/v1/account/{account}"
    answer = api.put(path, {"webhooks": "https://receiver.example.com/hook", "locale": "de"})
    assert (answer.status, answer.json()) == (200, {"account": account})
    shown = api.get(path).json()
    assert (shown["name"], shown["locale"], shown["webhooks"]) == ("Anna", "de", "https://receiver.example.com/hook")
    api.put(path, {"webhooks": ""})
    assert api.get(path).json()["webhooks"] is None
    assert list(fields(api.put(path, {"colour": "red"}))) == ["colour"]


def test_change_of_mailbox_moves_the_subscription(api: Client, app_id: str, account: str, outside: Outside) -> None:
    """After PUT with another mailbox its subscription exists and the former one is gone."""
    user = f"new-{account}@contoso.com"
    api.put(f"/v1/account/{account}", {"oauth2": {"provider": app_id, "auth": {"user": user}}})
    api.pump()
    assert api.get(f"/v1/account/{account}").json()["oauth2"]["auth"]["user"] == user
    assert (len(outside.subscriptions.of(user)), outside.subscriptions.of(f"{account}@contoso.com")) == (1, [])


def test_password_in_a_webhook_url_is_masked(api: Client, app_id: str, unique: Unique) -> None:
    """A webhook URL with a password is shown without it."""
    name = unique("a")
    api.post("/v1/account", an_account(name, app_id, webhooks="https://anna:hush@receiver.example.com/hook"))
    assert b"hush" not in api.get(f"/v1/account/{name}").body
    assert b"hush" not in api.get("/v1/accounts", query=name).body


def test_masked_secrets_that_come_back_are_kept(api: Client, app_id: str, unique: Unique, relay: Relay) -> None:
    """A client that reads an account, changes its name and writes all back keeps the password and the headers."""
    name, url = unique("a"), "https://anna:hush@receiver.example.com/hook"
    headers = [{"key": "X-Key", "value": "hush"}]
    api.post("/v1/account", an_account(name, app_id, webhooks=url, webhooksCustomHeaders=headers))
    shown = api.get(f"/v1/account/{name}").json()
    echoed = {key: shown[key] for key in ("webhooks", "webhooksCustomHeaders")}
    assert api.put(f"/v1/account/{name}", {"name": "New", **echoed}).status == 200
    assert api.post("/v1/account", an_account(name, app_id, **echoed)).json()["state"] == "existing"
    stored = relay.accounts.store.get(account_key(name))
    assert stored is not None
    webhook = relay.accounts.webhooks.store.get(stored.value.webhook)
    assert webhook is not None
    assert (stored.value.webhooks, webhook.value.url) == (url, url)
    assert json.loads(relay.accounts.webhooks.vault.get(webhook.value.headers or "")) == {"X-Key": "hush"}


def test_stars_that_stand_for_nothing_are_refused(api: Client, app_id: str, account: str) -> None:
    """Stars in a registration, or under a header that nobody set, are refused and named."""
    stars = {"webhooksCustomHeaders": [{"key": "X-Key", "value": "******"}]}
    answers = (
        api.post("/v1/account", an_account("starry", app_id, **stars)),
        api.put(f"/v1/account/{account}", stars),
    )
    assert [list(fields(answer)) for answer in answers] == [["webhooksCustomHeaders.0.value"]] * 2
    assert api.get("/v1/account/starry").status == 404


def test_removal_is_final(api: Client, account: str, outside: Outside) -> None:
    """DELETE answers with the id and `deleted`; the account is gone at once and its subscription soon after."""
    path = f"/v1/account/{account}"
    answer = api.delete(path)
    assert (answer.status, answer.json()) == (200, {"account": account, "deleted": True})
    for gone in (api.get(path), api.delete(path), api.put(path, {"name": "x"})):
        assert (gone.status, gone.json()) == (404, NOT_FOUND)
    assert api.get("/v1/accounts", query=account).json()["total"] == 0
    api.pump()
    assert outside.subscriptions.of(f"{account}@contoso.com") == []


def test_an_erasure_leaves_nothing(api: Client, account: str, azurite: str, relay: Relay, outside: Outside) -> None:
    """With `erase=true` no table and no queue names the account, its mailbox or its mail when its passes are over."""
    hook = "https://receiver.example.com/hook"
    api.post("/v1/settings", {"webhooksEnabled": True, "webhooks": hook, "webhookEvents": ["*"]})
    for name, size in (("small", 9), ("big", 900_000)):
        message = a_message(id=f"{name}-{account}", subject=f"For {account}", preview="x" * size)
        outside.reader.keep(message)
        change = a_change(account=account_key(account), message=message.id)
        relay.changes.expand(ChangeBatch(changes=(change,)), redelivered=False)
    names = (account, account_key(account))
    kinds = ("deliveries", "payloads", "sightings")
    assert set(naming(azurite, names)) >= {"accounts", "mailboxes", *(f"{kind}202603" for kind in kinds)}
    answer = api.delete(f"/v1/account/{account}", erase="true")
    assert (answer.status, answer.json()) == (200, {"account": account, "deleted": True, "erasing": True})
    api.pump()
    for later in (HOUR, 2 * HOUR):
        asked = outside.clock.now()
        erasure = Erasure(account=account, asked=asked, begun=asked + later)
        relay.jobs.run(Job(kind=JobKind.ERASE, account=account_key(account), erasure=erasure))
    assert api.get("/v1/deliveries", account=account).json()["deliveries"] == []
    assert api.get(f"/v1/account/{account}").status == 404
    # What is due for it finds nothing to do, and names only its key; its next pass waits in the queue.
    assert set(naming(azurite, names)) <= {"due", "jobs"}
    again = api.delete(f"/v1/account/{account}", erase="true")
    assert (again.status, again.json()) == (200, {"account": account, "deleted": False, "erasing": True})
    assert api.delete(f"/v1/account/{account}", erase="false").status == 404


@pytest.mark.parametrize(
    "query", ["erase=", "erase=maybe", "erase=2", "erase=true&erase=false", "erased=true", "Erase=true"]
)
def test_a_removal_that_is_not_clear_removes_nothing(api: Client, account: str, query: str) -> None:
    """What is neither yes nor no, both, or another argument, is refused and named, and removes nothing."""
    assert list(fields(api.call("DELETE", f"/v1/account/{account}?{query}"))) == [query.partition("=")[0]]
    assert api.get(f"/v1/account/{account}").status == 200


def test_a_flag_is_a_word_for_yes(api: Client) -> None:
    """Every flag of a query takes the same words, whatever it asks for."""
    assert api.delete("/v1/account/nobody", erase="Y").json()["erasing"] is True
    assert api.delete("/v1/account/nobody", erase="no").status == 404


def naming(storage: str, names: tuple[str, ...]) -> list[str]:
    """Return the table or queue of each row and message of the app that names one of *names*."""
    found = []
    with TableServiceClient.from_connection_string(storage) as tables:
        for table in filter(OURS.match, (table.name for table in tables.list_tables())):
            rows = map(str, tables.get_table_client(table).list_entities())
            found += [table for row in rows if any(name in row for name in names)]
    for queue in ("changes", "jobs"):
        with QueueClient.from_connection_string(storage, queue) as client:
            texts = (b64decode(message.content).decode() for message in client.peek_messages(32))
            found += [queue for text in texts if any(name in text for name in names)]
    return found


def test_new_registration_leaves_one_subscription(api: Client, app_id: str, account: str, outside: Outside) -> None:
    """An account that is removed and registered again at once ends with one subscription, not two."""
    api.delete(f"/v1/account/{account}")
    assert api.post("/v1/account", an_account(account, app_id)).json()["state"] == "new"
    api.pump()
    assert api.get(f"/v1/account/{account}").json()["state"] == "connected"
    assert len(outside.subscriptions.of(f"{account}@contoso.com")) == 1


def test_reconnection_opens_the_mailbox_anew(api: Client, account: str, outside: Outside) -> None:
    """PUT reconnect answers `reconnect`, and the mailbox is opened again; anything but true is refused."""
    path, probed = f"/v1/account/{account}/reconnect", len(outside.mailboxes.probed)
    answer = api.put(path, {"reconnect": True})
    assert (answer.status, answer.json()) == (200, {"reconnect": True})
    api.pump()
    assert len(outside.mailboxes.probed) == probed + 1
    assert list(fields(api.put(path, {"reconnect": False}))) == ["reconnect"]
    assert list(fields(api.put(path, {}))) == ["reconnect"]
    unknown = api.put("/v1/account/nobody/reconnect", {"reconnect": True})
    assert (unknown.status, unknown.json()) == (404, NOT_FOUND)


def test_permanent_refusal_is_shown(api: Client, app_id: str, unique: Unique, outside: Outside) -> None:
    """A refused sign-in ends in `authenticationError`, with Entra's code, the token request and what to do."""
    name, request = unique("a"), {"grant": "client_credentials", "status": 401}
    refusal = SignInRefused("AADSTS7000215: Invalid", reason="AADSTS7000215", mend="Renew it.", token_request=request)
    outside.mailboxes.troubles.add(refusal)
    api.post("/v1/account", an_account(name, app_id))
    api.pump()
    shown = api.get(f"/v1/account/{name}").json()
    assert shown["state"] == "authenticationError"
    assert shown["lastError"] == {
        "response": "AADSTS7000215: Invalid",
        "serverResponseCode": "AADSTS7000215",
        "description": "Renew it.",
        "tokenRequest": request,
    }
    assert shown["outlookSubscription"] is None


@pytest.mark.parametrize(
    "trouble",
    [TryLater("Graph is busy."), MailboxRefused("Denied", reason="ErrorAccessDenied", mend="Grant it.")],
    ids=["busy", "refused for the first time"],
)
def test_passing_trouble_is_no_authentication_error(
    api: Client, app_id: str, unique: Unique, outside: Outside, trouble: Exception
) -> None:
    """What may pass by itself is `connectError`, with the error and the moment of the next attempt."""
    name = unique("a")
    outside.mailboxes.troubles.add(trouble)
    api.post("/v1/account", an_account(name, app_id))
    api.pump()
    shown = api.get(f"/v1/account/{name}").json()
    assert (shown["state"], shown["lastError"]["response"]) == ("connectError", str(trouble))
    assert shown["nextAttempt"] > "2026-03-02T09:30:00"


@pytest.mark.parametrize("name", HOSTILE)
def test_any_account_id_is_reached(api: Client, name: str) -> None:
    """Whatever characters an id has, percent-encoded in the path it is the account's, in every route."""
    app = api.post("/v1/oauth2", an_app()).json()["id"]
    assert api.post("/v1/account", an_account(name, app, oauth2=mailbox(app))).json()["account"] == name
    path = path_to("v1", "account", name)
    assert api.get(path).json().get("account") == name
    assert api.put(path, {"name": "New"}).json() == {"account": name}
    assert api.put(f"{path}/reconnect", {"reconnect": True}).status == 200
    assert [entry["account"] for entry in api.get("/v1/accounts", query=name).json()["accounts"]].count(name) == 1
    assert api.delete(path).json() == {"account": name, "deleted": True}


@pytest.mark.parametrize("name", [".", "..", "a%2Fb", "%2f"])
def test_id_that_no_path_can_hold_is_refused(api: Client, app_id: str, name: str) -> None:
    """`.` and `..` disappear from every URL, and `%2F` means a slash there, so no account can be called so."""
    assert list(fields(api.post("/v1/account", an_account(name, app_id, oauth2=mailbox(app_id))))) == ["account"]


def test_list_is_paged_and_filtered(api: Client, app_id: str, unique: Unique) -> None:
    """GET accounts pages in the order of ids and finds `query` in id, name and address, whatever its case."""
    word = unique("w")
    for letter in "cab":
        api.post("/v1/account", an_account(f"{letter}-{word}", app_id, name="Anna"))
    named, addressed = unique("n"), unique("e")
    api.post("/v1/account", an_account(named, app_id, name=word.upper()))
    api.post("/v1/account", an_account(addressed, app_id, email=f"{word}@fabrikam.com"))
    first = api.get("/v1/accounts", query=word, pageSize=3).json()
    assert {key: first[key] for key in ("total", "page", "pages", "query", "state")} == {
        "total": 5,
        "page": 0,
        "pages": 2,
        "query": word,
        "state": "*",
    }
    second = api.get("/v1/accounts", query=word, pageSize=3, page=1).json()
    found = [entry["account"] for entry in first["accounts"] + second["accounts"]]
    assert found == sorted([f"a-{word}", f"b-{word}", f"c-{word}", named, addressed])
    assert first["accounts"][0] == {
        "account": f"a-{word}",
        "name": "Anna",
        "email": f"a-{word}@contoso.com",
        "type": "outlookService",
        "app": app_id,
        "state": "init",
        "webhooks": None,
        "lastError": None,
    }


def test_list_is_filtered_by_state(api: Client, app_id: str, account: str) -> None:
    """`state` keeps the accounts in that state; every state that EmailEngine knows is taken, others are refused."""
    connected = api.get("/v1/accounts", query=account, state="connected").json()
    assert (connected["state"], [entry["account"] for entry in connected["accounts"]]) == ("connected", [account])
    for state in ("init", "connecting", "authenticationError", "connectError"):
        assert api.get("/v1/accounts", query=account, state=state).json()["total"] == 0
    assert list(fields(api.get("/v1/accounts", state="asleep"))) == ["state"]
    assert list(fields(api.get("/v1/accounts", colour="red"))) == ["colour"]


@pytest.mark.parametrize("state", ["syncing", "unset", "disconnected", "paused"])
def test_state_that_no_account_has_finds_none(api: Client, state: str) -> None:
    """A state of EmailEngine's that no account of ours takes lists nothing and is no mistake, by cursor too."""
    answer = api.get("/v1/accounts", state=state)
    assert (answer.status, answer.json()) == (
        200,
        {"total": 0, "page": 0, "pages": 0, "query": False, "state": state, "accounts": []},
    )
    page = api.get("/v1/accounts", state=state, cursor="start").json()
    assert (page["accounts"], page["nextPageCursor"]) == ([], None)


def test_list_goes_on_by_cursor(api: Client, app_id: str, unique: Unique) -> None:
    """From `start` to null, cursors lead through every account once; a numbered page leads to none."""
    names = {unique("a") for _ in range(3)}
    for name in names:
        api.post("/v1/account", an_account(name, app_id))
    numbered = api.get("/v1/accounts", pageSize=2).json()
    assert set(numbered) == {"total", "page", "pages", "query", "state", "accounts"}
    found: list[str] = []
    cursor: str | None = "start"
    while cursor:
        page = api.get("/v1/accounts", pageSize=2, cursor=cursor).json()
        found += [entry["account"] for entry in page["accounts"]]
        cursor = page["nextPageCursor"]
    assert [found.count(name) for name in names] == [1, 1, 1]
    assert len(found) == len(set(found)) == numbered["total"]


@pytest.mark.parametrize(
    "cursor", ["x", "é", "e30", "W10", "eyJ4IjoieSJ9", "eyJQYXJ0aXRpb25LZXkiOjF9", "W1tb" * 500], ids=range(7)
)
def test_cursor_that_is_none_of_ours_is_refused(api: Client, cursor: str) -> None:
    """A cursor that no page returned is 400 and named."""
    assert list(fields(api.get("/v1/accounts", cursor=cursor))) == ["cursor"]


def mailbox(app: str) -> dict[str, object]:
    """Return what opens a mailbox that no other test uses."""
    return {"provider": app, "auth": {"user": f"{app.lower()}@contoso.com"}}


def test_sync_finds_what_no_notification_told(api: Client, account: str, unique: Unique, outside: Outside) -> None:
    """PUT sync answers at once, and mail that nobody announced becomes a change."""
    message = a_message(id=unique("m"), received=START + timedelta(seconds=1))
    outside.history.deliver(message)
    outside.clock.advance(timedelta(minutes=5))
    try:
        answer = api.put(f"/v1/account/{account}/sync", {"sync": True})
        assert (answer.status, answer.json()) == (200, {"sync": True})
        for job in api.drain("jobs"):
            api.run("jobs", json.dumps(job).encode())
    finally:
        outside.clock.advance(timedelta(minutes=-5))
    found = [change["message"] for batch in api.drain("changes") for change in batch["changes"]]
    assert found == [message.id]


@pytest.mark.parametrize("body", [{}, {"sync": False}, {"sync": True, "colour": "red"}])
def test_sync_must_be_meant(api: Client, account: str, body: dict[str, object]) -> None:
    """Only `sync: true` and nothing else has a mailbox looked at."""
    assert fields(api.put(f"/v1/account/{account}/sync", body))


def test_sync_of_an_unknown_account_is_not_found(api: Client) -> None:
    """PUT sync for an account that nobody registered is 404."""
    assert api.put("/v1/account/nobody/sync", {"sync": True}).status == 404
