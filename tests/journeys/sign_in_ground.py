"""What a sign-in takes: the real parts as processes, an application, people, and the customer's own page."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Page

from local.m365.control import Microsoft365, Tenant
from local.stack import parts
from local.stack.api import Api

DOMAIN = "contoso.example"
_NUMBERS = count(1)


@dataclass(frozen=True)
class Ground:
    """A stack with one application that users sign in to; `back` is the customer's page."""

    stack: parts.Stack
    tenant: Tenant
    app: str
    back: str

    @property
    def api(self) -> Api:
        """The public API."""
        return self.stack.api

    @property
    def m365(self) -> Microsoft365:
        """Microsoft."""
        return self.stack.m365

    def person(self, name: str) -> str:
        """Make somebody who signs in for the first time, and return their address."""
        return self.m365.add_user(self.tenant.id, f"{name}{next(_NUMBERS)}@{DOMAIN}", name=name.title()).upn

    def link(self, **fields: Any) -> str:
        """Ask for a link, as the customer's application does."""
        return str(self.api.post("/v1/authentication/form", {"redirectUrl": self.back, **fields})["url"])

    def returned(self, page: Page) -> dict[str, str]:
        """Return what the customer's page is told."""
        page.wait_for_url(lambda url: url.startswith(self.back))
        return dict(parse_qsl(urlsplit(page.url).query))


def pick(page: Page, address: str) -> None:
    """Choose who one is, on Microsoft's page."""
    page.locator(f'button[data-upn="{address}"]').click()


def accept(page: Page) -> None:
    """Consent, on Microsoft's page."""
    page.get_by_role("button", name="Accept").click()


def cancel(page: Page) -> None:
    """Go back without signing in or consenting, on Microsoft's page."""
    page.locator('button[value="cancel"]').click()


def again(page: Page) -> None:
    """Begin anew, on a page of ours."""
    page.get_by_role("main").get_by_role("link").first.click()


def register(stack: parts.Stack, client_id: str, **fields: Any) -> str:
    """Register an application that users sign in to, and return its id."""
    body = {
        "name": "Sign-in",
        "title": "Contoso",
        "provider": "outlook",
        "clientId": client_id,
        "clientSecret": stack.keys.client_secret,
        "authority": "organizations",
        "redirectUrl": f"{stack.api.url}/oauth",
        "enabled": True,
        **fields,
    }
    return str(stack.api.post("/v1/oauth2", body)["id"])


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """Start every part, and stop it in the end."""
    with parts.running(parts.Plan(folder, folder / "scratch")) as stack, _customer() as back:
        tenant = stack.m365.add_tenant(domain=DOMAIN)
        callback = f"{stack.api.url}/oauth"
        known = stack.m365.add_application(tenant.id, secret=stack.keys.client_secret, redirect_uris=[callback])
        stack.m365.change_application(known.client_id, multitenant=True)
        yield Ground(stack, tenant, register(stack, known.client_id), back)


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer with a page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>The customer's application</title><h1>Welcome back</h1>")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def _customer() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/back"
        finally:
            server.shutdown()
