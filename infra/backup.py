"""
What a deployment can be made anew from: applications, accounts and settings, as the API shows them, without secrets.

    RELAY_TOKEN=... python -m infra.backup save https://func-NAME.azurewebsites.net > relay.json
    RELAY_TOKEN=... python -m infra.backup restore https://func-OTHER.azurewebsites.net \
        --since 2026-11-21T06:00:00Z --credentials credentials.json < relay.json

Restoring again changes nothing. What only a human can do is told on standard error, and the exit status is 1 then; 2
where the API refuses or is silent. docs/disaster-recovery.md says when to use it.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import requests

Api = Callable[[str, str, Mapping[str, Any] | None], dict[str, Any]]

# What the API shows in the place of a secret.
_MASK = "******"
_SECONDS = 60
_SETTINGS = (
    *("webhooksEnabled", "webhooks", "webhookEvents", "notifyText", "notifyTextSize", "notifyHeaders", "inboxNewOnly"),
    *("pageBrandName", "pageLogo", "pageColor", "pageSupport"),
)
_APPLICATION = (
    *("name", "description", "title", "provider", "enabled", "clientId", "authority", "cloud", "redirectUrl"),
    *("baseScopes", "extraScopes", "skipScopes"),
)
# Saved for a human: where it leads is not the new deployment yet.
_SHOWN_ONLY = ("webhooksCustomHeaders", "serviceUrl")
_ACCOUNT = ("account", "name", "email", "webhooks", "path", "subconnections", "logs", "locale", "tz")


class Refused(Exception):
    """The API refused a call, or nobody answered (then without a *status*)."""

    def __init__(self, told: str, status: int | None = None) -> None:
        super().__init__(told)
        self.status = status


def save(api: Api) -> dict[str, Any]:
    """Returns everything that the API tells of the deployment's configuration."""
    asked = urlencode(dict.fromkeys((*_SETTINGS, *_SHOWN_ONLY), "true"))
    return {
        "settings": api("GET", f"/v1/settings?{asked}", None),
        "applications": list(_applications(api)),
        "accounts": list(_accounts(api)),
    }


def restore(
    api: Api, saved: Mapping[str, Any], *, since: str | None, credentials: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """
    Registers what was *saved* and returns what is left to a human.

    Accounts tell the mail that came *since*. *credentials* names, by client id, what an application proves itself with;
    without an entry a managed identity stays as it was, and a secret cannot be known.
    """
    left: list[str] = []
    api("POST", "/v1/settings", _settings(saved["settings"], left))
    ids = {each["id"]: _application(api, each, credentials, left) for each in saved["applications"]}
    for account in saved["accounts"]:
        provider = ids.get(account["app"])
        if account["baseScopes"] == "imap":
            left.append(f"account {account['account']}: its user signs in again")
        elif provider is not None:
            told = _present(account, _ACCOUNT) | {"notifyFrom": since} if since else _present(account, _ACCOUNT)
            _masked(told, f"account {account['account']}", left)
            if account["webhooksCustomHeaders"]:
                left.append(f"account {account['account']}: set webhooksCustomHeaders")
            asked = {**told, "oauth2": {"provider": provider, "auth": account["oauth2"]["auth"]}}
            try:
                api("POST", "/v1/account", asked)
            except Refused as refused:
                if refused.status != HTTPStatus.BAD_REQUEST:
                    raise
                left.append(f"account {account['account']}: {refused}")
    return left


def _settings(shown: Mapping[str, Any], left: list[str]) -> dict[str, Any]:
    told = _present(shown, _SETTINGS)
    _masked(told, "settings", left)
    left.append("settings: set serviceSecret to the text that your endpoint knows")
    if shown["webhooksCustomHeaders"]:
        left.append("settings: set webhooksCustomHeaders")
    if shown.get("serviceUrl"):
        left.append(
            f"settings: if serviceUrl was an address of yours, have it lead here and set it: {shown['serviceUrl']}"
        )
    return told


def _application(
    api: Api, shown: Mapping[str, Any], credentials: Mapping[str, Mapping[str, Any]], left: list[str]
) -> str | None:
    for there in _applications(api):
        if all(there[name] == shown[name] for name in ("clientId", "authority", "provider")):
            return str(there["id"])
    known = {"managedIdentity": shown["managedIdentity"]} if shown["managedIdentity"] else None
    credential = credentials.get(shown["clientId"]) or known
    if credential is None:
        left.append(f"application {shown['name']}: give its credential for {shown['clientId']}, then restore again")
        return None
    return str(api("POST", "/v1/oauth2", {**_present(shown, _APPLICATION), **credential})["id"])


def _applications(api: Api) -> Iterator[dict[str, Any]]:
    page, pages = 0, 1
    while page < pages:
        told = api("GET", f"/v1/oauth2?page={page}&pageSize=1000", None)
        yield from told["apps"]
        page, pages = page + 1, told["pages"]


def _accounts(api: Api) -> Iterator[dict[str, Any]]:
    for account in _account_ids(api):
        try:
            yield api("GET", f"/v1/account/{quote(account, safe='')}", None)
        except Refused as refused:
            # It was deleted since it was listed.
            if refused.status != HTTPStatus.NOT_FOUND:
                raise


def _account_ids(api: Api) -> Iterator[str]:
    cursor: str | None = "start"
    while cursor:
        told = api("GET", f"/v1/accounts?pageSize=1000&cursor={quote(cursor)}", None)
        yield from (each["account"] for each in told["accounts"])
        cursor = told["nextPageCursor"]


def _present(shown: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: shown[name] for name in names if shown.get(name) is not None}


def _masked(told: dict[str, Any], whose: str, left: list[str]) -> None:
    if _MASK in (told.get("webhooks") or ""):
        left.append(f"{whose}: set webhooks, whose password nobody shows: {told.pop('webhooks')}")


def _over_http(url: str, token: str) -> Api:
    def bearer(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    session = requests.Session()
    # As a header alone, an entry for the host in the operator's .netrc would take its place.
    session.auth = bearer

    def call(method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        try:
            answer = session.request(
                method, f"{url.rstrip('/')}{path}", json=body, timeout=_SECONDS, allow_redirects=False
            )
            if answer.status_code != HTTPStatus.OK:
                said = f"{method} {path.partition('?')[0]}: {answer.status_code} {_message(answer)}"
                raise Refused(said, answer.status_code)
            told: dict[str, Any] = answer.json()
        except requests.RequestException as problem:
            raise Refused(f"{method} {url}: {problem}") from None
        return told

    return call


def moment(text: str) -> str:
    """Returns *text*, which is a moment; raises ValueError."""
    datetime.fromisoformat(text)
    return text


def _message(refused: requests.Response) -> str:
    """Returns what the API says of a refusal."""
    try:
        told = refused.json()
        return " ".join([told["message"], *(field["message"] for field in told.get("fields", ()))])
    except (ValueError, KeyError, TypeError):
        return refused.reason


def main() -> int:
    """Saves or restores; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.backup")
    parser.add_argument("what", choices=["save", "restore"])
    parser.add_argument("url")
    parser.add_argument("--since", type=moment, help="the moment from which on mail is told, like 2026-11-21T06:00:00Z")
    parser.add_argument("--credentials", type=argparse.FileType(), help='JSON: {"client id": {"clientSecret": "..."}}')
    given = parser.parse_args()
    token = os.environ.get("RELAY_TOKEN")  # noqa: TID251  a program of its own, beside the product
    if not token:
        parser.error("the environment variable RELAY_TOKEN must hold API_TOKEN of the deployment")
    api = _over_http(given.url, token)
    try:
        if given.what == "save":
            json.dump(save(api), sys.stdout, indent=1)
            return 0
        credentials = json.load(given.credentials) if given.credentials else {}
        left = restore(api, json.load(sys.stdin), since=given.since, credentials=credentials)
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    sys.stderr.writelines(f"left to you: {each}\n" for each in left)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
