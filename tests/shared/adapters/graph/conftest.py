"""Graph as tests see it: recorded answers, a transport that is scripted, and the simulated Microsoft 365."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from local.m365.control import Mailbox, Microsoft365
from local.m365.process import Running, running
from shared.adapters.entra.entra import Entra
from shared.adapters.graph.client import GraphClient
from shared.adapters.graph.errors import Answer
from shared.adapters.system import SystemClock
from shared.domain.clouds import Cloud
from shared.domain.oauth2 import CredentialKind, OAuth2App, Provider

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)

Script = Callable[[str, str, Any], Answer]


@dataclass
class StoppedClock:
    """Tell one moment until somebody moves it."""

    moment: datetime = NOW

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment


@dataclass
class Tokens:
    """Hand out numbered tokens."""

    number: int = 1

    def token(self, app: OAuth2App) -> str:
        """Return the present token."""
        return f"token-{self.number}"

    def forget(self, app: OAuth2App) -> None:
        """Go on to the next token."""
        self.number += 1


@dataclass
class Wire(HTTPAdapter):
    """Stand where the network would: answer by script, and keep the calls."""

    script: Script
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Answer one request."""
        body = json.loads(request.body) if request.body else None
        call = (request.method or "", request.url or "", body)
        self.calls.append(call)
        self.headers.append(dict(request.headers))
        answer = self.script(*call)
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response._content = b"" if answer.body is None else json.dumps(answer.body).encode()
        response.url = request.url or ""
        response.request = request
        return response

    def close(self) -> None:
        """Hold nothing."""


@pytest.fixture
def clock() -> StoppedClock:
    """Return a clock that stands still."""
    return StoppedClock()


@pytest.fixture
def app() -> OAuth2App:
    """Return an application of the global cloud."""
    return application()


@pytest.fixture
def wired() -> Callable[[Script], tuple[GraphClient, Wire]]:
    """Return a maker of clients whose network is a script."""

    def make(script: Script) -> tuple[GraphClient, Wire]:
        client, wire = GraphClient(Tokens()), Wire(script)
        client._session.mount("https://", wire)
        return client, wire

    return make


@pytest.fixture
def sample(root: Path) -> Callable[[str], Answer]:
    """Return a reader of recorded answers by the name of their case."""

    def read(case: str) -> Answer:
        folder = root / "tests" / "samples" / "graph" / case
        body = next(folder.glob("[0-9]*.json"))
        headers = folder / "headers.json"
        known = json.loads(headers.read_text(encoding="utf-8")) if headers.exists() else {}
        return Answer(int(body.stem), known, json.loads(body.read_text(encoding="utf-8")))

    return read


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Return this worker's own Microsoft 365."""
    with running(tmp_path_factory.mktemp("certificates")) as started:
        yield started


@dataclass
class Tenant:
    """One application and one mailbox in an otherwise empty Microsoft 365."""

    m365: Microsoft365
    id: str
    app: OAuth2App
    mailbox: Mailbox
    client: GraphClient


@pytest.fixture
def tenant(server: Running, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """Return a tenant that is reached the way the product reaches Microsoft's."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.authority))
    server.m365.reset()
    made = server.m365.add_tenant()
    registered = server.m365.add_application(made.id, secret="s3cret+&%")
    app = application(client_id=registered.client_id, tenant=made.id, secret="s3cret+&%")
    mailbox = server.m365.add_mailbox(made.id, "ada@contoso.example")
    client = GraphClient(Entra(OpenVault(), SystemClock(), login_url=server.url), graph_url=server.url)
    return Tenant(server.m365, made.id, app, mailbox, client)


class OpenVault:
    """Hold secrets under themselves."""

    def put(self, name: str, secret: str) -> str:
        """Return the secret."""
        return secret

    def get(self, reference: str) -> str:
        """Return the reference."""
        return reference

    def delete(self, reference: str) -> None:
        """Forget nothing."""


def application(**values: Any) -> OAuth2App:
    """Make an application with a secret."""
    usual = {
        "id": "AAAB",
        "name": "Relay",
        "provider": Provider.OUTLOOK_SERVICE,
        "client_id": "1f6a0000-0000-4000-8000-000000000001",
        "tenant": "1f6a0000-0000-4000-8000-000000000002",
        "cloud": Cloud.GLOBAL,
        "credential": CredentialKind.SECRET,
        "secret": "s3cret",
        "created": NOW - timedelta(days=1),
        "updated": NOW - timedelta(days=1),
        "revision": "1",
    }
    return OAuth2App(**(usual | values))
