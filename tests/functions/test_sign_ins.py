"""Users sign in through pages: an application asks for a link, a browser follows it, and comes back."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.functions.client import Answer, Client, fields
from tests.functions.outside import Outside

BACK = "https://app.example.com/back"


@pytest.fixture
def app(api: Client) -> str:
    """Return the id of an application that users sign in to, the only one that is shown."""
    for known in api.get("/v1/oauth2", pageSize=1000).json()["apps"]:
        if known["provider"] == "outlook":
            api.put(f"/v1/oauth2/{known['id']}", {"enabled": False})
    body = {
        "name": "Mail",
        "provider": "outlook",
        "clientId": "1f6a0000-0000-4000-8000-000000000000",
        "clientSecret": "s3cr3t-of-the-app",
        "authority": "organizations",
        "redirectUrl": "https://relay.example.com/oauth",
        "enabled": True,
    }
    return str(api.post("/v1/oauth2", body).json()["id"])


def browse(api: Client, url: str) -> Answer:
    """Follow a link as a browser does, without a token."""
    parts = urlsplit(url)
    return api.call("GET", f"{parts.path}?{parts.query}", token=None)


def test_the_whole_way(api: Client, app: str, unique: Callable[[str], str], outside: Outside) -> None:
    """A link leads to Microsoft and back to the application, with the account and that it is new."""
    name = unique("signed-in")
    wanted = {"account": name, "redirectUrl": BACK, "email": f"{name}@contoso.com", "delegated": True}
    link = api.post("/v1/authentication/form", wanted).json()["url"]
    assert link.startswith("https://relay.example.com/accounts/new?data=")
    opened = browse(api, link)
    assert opened.status == 303
    assert opened.headers["Location"].startswith("https://login.example.com/")
    answer = outside.code_flow.visit(opened.headers["Location"])
    kept = {"Cookie": f"theme=dark; {opened.headers['Set-Cookie'].partition(';')[0]}"}
    back = api.call("GET", "/oauth", query=answer, headers=kept, token=None)
    assert (back.status, back.headers["Location"]) == (303, f"{BACK}?account={name}&state=new")
    shown = api.get(f"/v1/account/{name}").json()
    assert (shown["app"], shown["type"], shown["baseScopes"]) == (app, "outlook", "imap")
    assert shown["oauth2"]["auth"] == {"user": "anna@contoso.com", "delegatedUser": f"{name}@contoso.com"}
    again = api.call("GET", "/oauth", query=answer, headers=kept, token=None)
    assert again.status == 400
    assert "This sign-in has ended" in again.body.decode()


def test_another_browser_finishes_nothing(
    api: Client, app: str, unique: Callable[[str], str], outside: Outside
) -> None:
    """Without the cookie of the browser that began it, a sign-in ends on a page and registers nothing."""
    name = unique("stolen")
    opened = browse(api, api.post("/v1/authentication/form", {"account": name, "redirectUrl": BACK}).json()["url"])
    assert opened.headers["Set-Cookie"].startswith("__Host-sign-in=")
    answer = outside.code_flow.visit(opened.headers["Location"])
    back = api.call("GET", "/oauth", query=answer, token=None)
    assert (back.status, "Location" in back.headers) == (400, False)
    assert "This sign-in was begun elsewhere" in back.body.decode()
    assert api.get(f"/v1/account/{name}").status == 404


def test_a_forged_link_is_a_page(api: Client) -> None:
    """Whoever changes a link sees that it does not work, and nothing of ours."""
    link = api.post("/v1/authentication/form", {"redirectUrl": BACK}).json()["url"]
    forged = browse(api, link.replace("data=ey", "data=fy"))
    assert forged.status == 403
    assert forged.headers["Content-Type"].startswith("text/html")
    assert "This link does not work" in forged.body.decode()


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "redirectUrl"),
        ({"redirectUrl": "javascript:alert(1)"}, "redirectUrl"),
        ({"redirectUrl": BACK, "delegated": True}, "email"),
        ({"redirectUrl": BACK, "email": "nobody"}, "email"),
        ({"redirectUrl": BACK, "wrong": 1}, "wrong"),
    ],
)
def test_what_a_form_cannot_be(api: Client, body: dict[str, Any], key: str) -> None:
    """A request for a link that cannot be right names the field."""
    answer = api.post("/v1/authentication/form", body)
    assert answer.status == 400
    assert key in fields(answer)


def test_a_caller_gets_the_way_to_microsoft(api: Client, app: str, unique: Callable[[str], str]) -> None:
    """With `authorize` a registration answers where to send the user, and registers nothing yet."""
    name = unique("authorize")
    answer = api.post("/v1/account", {"account": name, "oauth2": {"provider": app, "authorize": True}})
    assert answer.json()["redirect"].startswith("https://login.example.com/")
    assert api.get(f"/v1/account/{name}").status == 404


def test_a_brought_token_is_in_no_answer(api: Client, app: str, unique: Callable[[str], str], outside: Outside) -> None:
    """A refresh token that was brought along registers the account, and is neither shown nor logged."""
    name = unique("brought")
    oauth2 = {
        "provider": app,
        "refreshToken": "0.brought-secret",
        "auth": {"user": "anna@contoso.com", "delegatedUser": f"{name}@contoso.com"},
    }
    assert api.post("/v1/account", {"account": name, "oauth2": oauth2}).json()["state"] == "new"
    assert "brought-secret" not in api.get(f"/v1/account/{name}").body.decode()
    assert "brought-secret" not in str(outside.log.lines)


def test_a_page_wears_the_brand(api: Client) -> None:
    """The operator's name and colour are on every page."""
    api.post("/v1/settings", {"pageBrandName": "Contoso Desk", "pageColor": "#aa3300"})
    page = api.call("GET", "/oauth", token=None).body.decode()
    assert "Contoso Desk" in page
    assert "--brand:#aa3300" in page
    for wrong in ({"pageColor": "red"}, {"pageLogo": "http://x.example/a"}, {"pageSupport": "javascript:1"}):
        assert api.post("/v1/settings", wrong).status == 400
    api.post("/v1/settings", {"pageBrandName": None, "pageColor": None})
