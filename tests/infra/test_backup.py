"""The backup: what the API shows makes the same deployment again, but for what nobody may show."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.backup import Refused, main, restore, save
from shared.domain.instance_settings import InstanceSettingsChange
from shared.domain.oauth2 import NewOAuth2App
from shared.domain.registrations import NewAccount

IDENTITY = "1f6a0000-0000-4000-8000-000000000000"
SINCE = "2026-11-21T06:00:00Z"
APP = {
    "name": "Mail",
    "provider": "outlookService",
    "clientId": "client",
    "authority": "2f6a0000-0000-4000-8000-000000000000",
    "cloud": "global",
    "baseScopes": "api",
    "managedIdentity": None,
    "redirectUrl": None,
    "extraScopes": [],
    "skipScopes": [],
}
ACCOUNT = {
    "account": "a/1",
    "name": None,
    "email": "a@contoso.com",
    "baseScopes": "api",
    "webhooks": None,
    "webhooksCustomHeaders": None,
    "path": "*",
    "logs": False,
}


class Deployment:
    """Answers like the API, two to a page, and takes what the API takes."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {"webhooksEnabled": True, "webhooks": None, "webhooksCustomHeaders": []}
        self.apps: list[dict[str, Any]] = []
        self.accounts: dict[str, dict[str, Any]] = {}
        self.refused: set[str] = set()

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        """Answer a call."""
        parts = urlsplit(path)
        if method == "POST":
            return getattr(self, f"_take_{parts.path.rpartition('/')[2]}")(dict(body or {}))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match parts.path:
            case "/v1/settings":
                return {name: value for name, value in self.settings.items() if name in query}
            case "/v1/oauth2":
                first = int(query["page"]) * 2
                return {"apps": self.apps[first : first + 2], "pages": (len(self.apps) + 1) // 2}
            case "/v1/accounts":
                first = 0 if query["cursor"] == "start" else int(query["cursor"])
                named = sorted(self.accounts)[first : first + 2]
                more = str(first + 2) if first + 2 < len(self.accounts) else None
                return {"accounts": [{"account": name} for name in named], "nextPageCursor": more}
        account = self.accounts.get(parts.path.removeprefix("/v1/account/").replace("%2F", "/"))
        if account is None or account.get("gone"):
            raise Refused("No such account.", 404)
        return account

    def _take_settings(self, body: dict[str, Any]) -> dict[str, Any]:
        InstanceSettingsChange.model_validate(body, by_alias=True, by_name=False)
        self.settings |= body
        return {}

    def _take_oauth2(self, body: dict[str, Any]) -> dict[str, Any]:
        NewOAuth2App.model_validate(body, by_alias=True, by_name=False)
        self.apps.append({**APP, **body, "id": f"app-{len(self.apps)}-of-{id(self)}"})
        return {"id": self.apps[-1]["id"]}

    def _take_account(self, body: dict[str, Any]) -> dict[str, Any]:
        NewAccount.model_validate(body, by_alias=True, by_name=False)
        if body["account"] in self.refused:
            raise Refused("Another account watches that mailbox.", 400)
        shown = {**ACCOUNT, **body, "app": body["oauth2"]["provider"]}
        self.accounts[body["account"]] = shown
        return {}


@pytest.fixture
def lost() -> Deployment:
    """Return a deployment with three applications and three accounts."""
    made = Deployment()
    made.apps = [{**APP, "id": f"old-{n}", "clientId": f"client-{n}", "managedIdentity": IDENTITY} for n in range(3)]
    for name in ("a/1", "b", "c"):
        auth = {"provider": "old-2", "auth": {"user": f"{name[0]}@contoso.com"}}
        made.accounts[name] = {**ACCOUNT, "account": name, "oauth2": auth, "app": "old-2"}
    return made


def test_what_is_shown_makes_it_again(lost: Deployment) -> None:
    """Applications, accounts and settings are made anew; accounts hang on the new ids and tell what came since."""
    found = Deployment()
    left = restore(found, save(lost), since=SINCE, credentials={})
    assert [app["clientId"] for app in found.apps] == ["client-0", "client-1", "client-2"]
    assert list(found.accounts) == ["a/1", "b", "c"]
    assert {account["oauth2"]["provider"] for account in found.accounts.values()} == {found.apps[2]["id"]}
    assert {account["notifyFrom"] for account in found.accounts.values()} == {SINCE}
    assert left == ["settings: set serviceSecret to the text that your endpoint knows"]


def test_restoring_again_makes_nothing_twice(lost: Deployment) -> None:
    """An application that is there already is used."""
    found, saved = Deployment(), save(lost)
    for _ in range(2):
        restore(found, saved, since=None, credentials={})
    assert len(found.apps) == 3


def test_what_nobody_shows_is_left_to_a_human(lost: Deployment) -> None:
    """Secrets, headers, a password in a webhook, and users' sign-ins are named; nothing is made that cannot work."""
    lost.apps[2]["managedIdentity"] = None
    lost.accounts["b"] |= {"baseScopes": "imap", "app": "old-1"}
    lost.settings |= {"webhooks": "https://me:******@example.com", "webhooksCustomHeaders": [{"key": "X"}]}
    found = Deployment()
    left = restore(found, save(lost), since=None, credentials={})
    assert [line.partition(":")[0] for line in left] == [
        "settings",
        "settings",
        "settings",
        "application Mail",
        "account b",
    ]
    assert found.accounts == {}
    assert found.settings["webhooks"] is None


def test_a_credential_is_given(lost: Deployment) -> None:
    """An application signs in with what the operator gives for its client id, and with its own identity otherwise."""
    found = Deployment()
    given = {"client-1": {"clientSecret": "a secret", "clientSecretExpires": "2999-01-01"}}
    restore(found, save(lost), since=None, credentials=given)
    assert [app.get("clientSecret") for app in found.apps] == [None, "a secret", None]
    assert [app["managedIdentity"] for app in found.apps] == [IDENTITY, None, IDENTITY]


def test_an_account_that_goes_meanwhile_is_left_out(lost: Deployment) -> None:
    """What was listed, and is gone when it is asked for, stops no backup."""
    lost.accounts["b"]["gone"] = True
    assert [account["account"] for account in save(lost)["accounts"]] == ["a/1", "c"]


def test_a_refused_account_is_left_to_a_human(lost: Deployment) -> None:
    """An account that the new deployment refuses is named with the reason, and the others are registered."""
    found = Deployment()
    found.refused = {"b"}
    left = restore(found, save(lost), since=None, credentials={})
    assert list(found.accounts) == ["a/1", "c"]
    assert left[-1] == "account b: Another account watches that mailbox."


def test_an_address_of_ones_own_is_left_to_a_human(lost: Deployment) -> None:
    """`serviceUrl` is told and not set: it still leads to the former deployment."""
    lost.settings["serviceUrl"] = "https://mail.contoso.com"
    found = Deployment()
    left = restore(found, save(lost), since=None, credentials={})
    assert "serviceUrl" not in found.settings
    assert left[-1] == (
        "settings: if serviceUrl was an address of yours, have it lead here and set it: https://mail.contoso.com"
    )


@pytest.mark.parametrize(
    ("token", "what", "said"),
    [
        ("", "save", "RELAY_TOKEN must hold API_TOKEN"),
        ("t", "save", "GET http://127.0.0.1:9: "),
        ("t", "restore --since yesterday", "argument --since: invalid moment value: 'yesterday'"),
    ],
)
def test_the_command_says_what_it_misses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str, what: str, said: str
) -> None:
    """Without a token, where nobody answers, or with a moment that is none, the command ends with 2 and a sentence."""
    monkeypatch.setenv("RELAY_TOKEN", token)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("sys.argv", ["backup", *what.split(), "http://127.0.0.1:9"])
    try:
        status = main()
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    assert said in capsys.readouterr().err
