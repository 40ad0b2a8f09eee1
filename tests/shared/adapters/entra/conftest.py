"""Entra ID as tests see it: a transport that is scripted, and the simulated Microsoft 365."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from requests.adapters import HTTPAdapter

from local.m365.process import Running, running
from shared.adapters.entra.entra import Entra
from shared.adapters.system import SystemClock
from shared.domain.clouds import Cloud
from shared.domain.errors import NotFound
from shared.domain.oauth2 import CredentialKind, OAuth2App, Provider

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)

Reply = tuple[int, dict[str, Any], dict[str, str]]


@dataclass
class MovedClock:
    """Tell one moment until somebody moves it."""

    moment: datetime = NOW

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment

    def forward(self, **by: float) -> None:
        """Let time pass."""
        self.moment += timedelta(**by)


@dataclass
class Secrets:
    """Hold secrets by reference."""

    known: dict[str, str] = field(default_factory=lambda: {"r1": "s3cret+&%", "r2": "newer"})

    def put(self, name: str, secret: str) -> str:
        """Keep a secret."""
        self.known[name] = secret
        return name

    def get(self, reference: str) -> str:
        """Return a secret."""
        if reference not in self.known:
            raise NotFound(f"No secret is kept as {reference!r}.")
        return self.known[reference]

    def delete(self, reference: str) -> None:
        """Forget a secret."""
        self.known.pop(reference, None)


@dataclass
class Authority(HTTPAdapter):
    """Stand where Entra ID would: discovery works, tokens come by script, and the forms are kept."""

    reply: Callable[[], Reply]
    forms: list[dict[str, str]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    held_up: threading.Event | None = None

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Answer one request."""
        url = request.url or ""
        self.hosts.append(url.split("/")[2])
        if request.method == "GET":
            base = url.removesuffix("/v2.0/.well-known/openid-configuration")
            endpoints = {"authorization_endpoint": "oauth2/v2.0/authorize", "token_endpoint": "oauth2/v2.0/token"}
            return _response(request, (200, {name: f"{base}/{path}" for name, path in endpoints.items()}, {}))
        self.forms.append({name: values[0] for name, values in parse_qs(str(request.body)).items()})
        if self.held_up:
            self.held_up.wait(60)
        return _response(request, self.reply())

    def close(self) -> None:
        """Hold nothing."""


@dataclass
class Office:
    """Entra under test with all that it hangs on."""

    entra: Entra
    authority: Authority
    clock: MovedClock
    secrets: Secrets


@pytest.fixture
def office() -> Office:
    """Return Entra with a scripted authority that issues numbered tokens."""
    clock, secrets = MovedClock(), Secrets()
    entra = Entra(secrets, clock)
    authority = Authority(lambda: issued(f"token-{len(authority.forms)}"))
    entra._session.mount("https://", authority)
    return Office(entra, authority, clock, secrets)


@pytest.fixture
def app() -> OAuth2App:
    """Return an application with a secret, a day old."""
    return application()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Return this worker's own Microsoft 365."""
    with running(tmp_path_factory.mktemp("certificates")) as started:
        yield started


@pytest.fixture
def trusted(server: Running, monkeypatch: pytest.MonkeyPatch) -> Running:
    """Return an empty Microsoft 365 whose certificate the machine trusts."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.authority))
    server.m365.reset()
    return server


@pytest.fixture
def real(trusted: Running) -> Callable[..., tuple[Entra, OAuth2App]]:
    """Return a maker of applications that the simulated Entra ID knows, by whatever credential."""

    def make(*, registered: dict[str, Any] | None = None, **values: Any) -> tuple[Entra, OAuth2App]:
        tenant = trusted.m365.add_tenant()
        known = trusted.m365.add_application(tenant.id, **(registered or {"secret": "s3cret+&%"}))
        secrets = Secrets()
        if "certificate" in values:
            secrets.put("certificate", values.pop("certificate"))
            values["secret"] = "certificate"
        app = application(**{"client_id": known.client_id, "tenant": tenant.id} | values)
        return Entra(secrets, SystemClock(), login_url=trusted.url), app

    return make


def issued(token: str, *, lifetime: int = 3599) -> Reply:
    """Issue a token."""
    return 200, {"token_type": "Bearer", "expires_in": lifetime, "access_token": token}, {}


def refused(status: int, error: str, code: int, **headers: str) -> Reply:
    """Refuse as Entra ID does."""
    said = {"error": error, "error_description": f"AADSTS{code}: No. Trace ID: 7a0c", "error_codes": [code]}
    return status, said, {name.replace("_", "-"): value for name, value in headers.items()}


def application(**values: Any) -> OAuth2App:
    """Make an application with a secret, a day old."""
    usual = {
        "id": "AAAB",
        "name": "Relay",
        "provider": Provider.OUTLOOK_SERVICE,
        "client_id": "1f6a0000-0000-4000-8000-000000000001",
        "tenant": "1f6a0000-0000-4000-8000-000000000002",
        "cloud": Cloud.GLOBAL,
        "credential": CredentialKind.SECRET,
        "secret": "r1",
        "created": NOW - timedelta(days=1),
        "updated": NOW - timedelta(days=1),
        "revision": "1",
    }
    return OAuth2App(**(usual | values))


def _response(request: requests.PreparedRequest, reply: Reply) -> requests.Response:
    response = requests.Response()
    response.status_code, body, headers = reply
    response.headers.update(headers)
    response._content = json.dumps(body).encode()
    response.request = request
    response.url = request.url or ""
    return response
