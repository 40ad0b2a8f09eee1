"""A running Microsoft 365, an endpoint that listens, and a client with a token."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from local.m365.control import Application, Mailbox, Microsoft365, Tenant
from local.m365.process import Running, running


@dataclass
class Endpoint:
    """A subscriber: answers handshakes, keeps what it is told, and can be made to misbehave."""

    url: str = ""
    handshake: Callable[[str], tuple[int, str, str]] = lambda token: (200, "text/plain", token)
    statuses: list[int] = field(default_factory=list)
    posts: list[list[dict[str, Any]]] = field(default_factory=list)
    handshakes: list[str] = field(default_factory=list)

    @property
    def items(self) -> list[dict[str, Any]]:
        """Return every item of every POST that was answered 202."""
        return [item for post in self.posts for item in post]

    def wait(self, number: int, seconds: float = 60) -> list[dict[str, Any]]:
        """Return the items once there are so many of them."""
        until = time.monotonic() + seconds
        while len(self.items) < number and time.monotonic() < until:
            time.sleep(0.01)
        assert len(self.items) >= number, self.items
        return self.items

    def kinds(self, number: int) -> list[str]:
        """Return the change types of so many items, sorted."""
        return sorted(item["changeType"] for item in self.wait(number))


class Handler(BaseHTTPRequestHandler):
    """Serve one endpoint."""

    protocol_version = "HTTP/1.1"
    endpoint: Endpoint

    def do_POST(self) -> None:
        """Answer a handshake or take a notification."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = parse_qs(urlsplit(self.path).query).get("validationToken")
        if token:
            self.endpoint.handshakes.append(urlsplit(self.path).query)
            status, kind, text = self.endpoint.handshake(token[0])
        else:
            status = self.endpoint.statuses.pop(0) if self.endpoint.statuses else 202
            kind, text = "text/plain", ""
            if status == 202:
                self.endpoint.posts.append(json.loads(body)["value"])
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        # Who waited too long for a handshake is gone.
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Return this worker's own server."""
    with running(tmp_path_factory.mktemp("certificates")) as started:
        yield started


@pytest.fixture(autouse=True)
def _own_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a machine's own certificate bundle from winning over the one that a test names."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def m365(server: Running) -> Microsoft365:
    """Return the control of an empty service."""
    server.m365.reset()
    return server.m365


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Return a subscriber's endpoint that listens."""
    made = Endpoint()
    handler = type("Bound", (Handler,), {"endpoint": made})
    with Listener(("127.0.0.1", 0), handler) as listening:
        made.url = f"http://127.0.0.1:{listening.server_port}/notify?key=1"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield made
        listening.shutdown()


class Listener(ThreadingHTTPServer):
    """Listen with room for a burst of connections."""

    request_queue_size = 128


@dataclass
class Graph:
    """A client of one application and one mailbox."""

    server: Running
    tenant: Tenant
    application: Application
    mailbox: Mailbox
    session: requests.Session

    def token(self, **form: str) -> requests.Response:
        """Ask for a token; the form can be changed."""
        whole = {
            "grant_type": "client_credentials",
            "client_id": self.application.client_id,
            "client_secret": "s3cret+&%",
            "scope": "https://graph.microsoft.com/.default",
        } | form
        authority = f"{self.server.url}/{form.pop('tenant', self.tenant.id)}"
        return self.session.post(f"{authority}/oauth2/v2.0/token", data=whole, headers={"Authorization": ""})

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Call Graph; a path that starts with a slash is the mailbox's."""
        url = path if path.startswith("https") else f"{self.server.graph_url}/users/{self.mailbox.id}{path}"
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.request(method, url, json=body, headers=given)

    def get(self, path: str, **headers: str) -> Any:
        """Read from the mailbox."""
        answer = self.call("GET", path, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def subscriptions(self, method: str, path: str = "", body: Any = None) -> requests.Response:
        """Call the subscription API, with immutable ids."""
        url = f"{self.server.graph_url}/subscriptions{path}"
        return self.session.request(method, url, json=body, headers={"Prefer": 'IdType="ImmutableId"'})

    def subscribe(self, url: str, **changes: Any) -> requests.Response:
        """Create a subscription; the body can be changed."""
        body = {
            "changeType": "created,updated,deleted",
            "resource": f"users/{self.mailbox.id}/messages",
            "notificationUrl": url,
            "lifecycleNotificationUrl": f"{url}&lifecycle=1",
            "expirationDateTime": (datetime.now(UTC) + timedelta(days=6)).isoformat(),
            "clientState": "ours",
        }
        return self.subscriptions("POST", body=body | changes)

    def batch(self, *requests_: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Send a batch and return the responses by id."""
        answer = self.session.post(f"{self.server.graph_url}/$batch", json={"requests": list(requests_)})
        assert answer.status_code == 200, answer.text
        return {response["id"]: response for response in answer.json()["responses"]}


@pytest.fixture
def graph(server: Running, m365: Microsoft365) -> Graph:
    """Return a client that may read, write and send; an endpoint is slow only where a test says so."""
    m365.behaviour(first_timeout=60, retry_timeout=60, validation_timeout=60)
    tenant = m365.add_tenant()
    application = m365.add_application(tenant.id, secret="s3cret+&%")
    mailbox = m365.add_mailbox(tenant.id, "Help@contoso.example", upn="help.desk@contoso.example")
    session = requests.Session()
    session.verify = str(server.authority)
    session.trust_env = False
    made = Graph(server, tenant, application, mailbox, session)
    session.headers["Authorization"] = f"Bearer {made.token().json()['access_token']}"
    return made
