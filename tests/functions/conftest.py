"""The app as its clients see it: the real functions on Azurite, with Microsoft 365 and the customer in memory."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.host.declared import declare
from shared import bootstrap
from shared.adapters.storage.connection import QUICK
from shared.services import health
from shared.services.relay import Relay
from shared.settings import Settings
from tests.fakes.clock import FakeClock
from tests.fakes.delegated import FakeGrantTokens
from tests.fakes.history import FakeHistory
from tests.fakes.log import FakeLog
from tests.fakes.microsoft365 import (
    FakeEndpointProbe,
    FakeMailboxes,
    FakeMessageReader,
    FakeSubscriptions,
    FakeTokenInspector,
)
from tests.fakes.sign_ins import FakeSignIns
from tests.fakes.webhooks import FakeWebhookSender
from tests.functions.bodies import an_account, an_app
from tests.functions.client import Client
from tests.functions.outside import FIRST_TOKEN, SERVICE_URL, Outside


@pytest.fixture(scope="session")
def outside() -> Outside:
    """Return the fakes around the app."""
    clock = FakeClock()
    return Outside(
        clock=clock,
        log=FakeLog(),
        mailboxes=FakeMailboxes(),
        subscriptions=FakeSubscriptions(clock),
        inspector=FakeTokenInspector(),
        endpoint=FakeEndpointProbe(),
        reader=FakeMessageReader(),
        sender=FakeWebhookSender(),
        history=FakeHistory(clock),
        code_flow=FakeSignIns(clock),
        grant_tokens=FakeGrantTokens(clock),
    )


@pytest.fixture(scope="session")
def app_settings(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return the settings of the app under test."""
    key = base64.b64encode(b"k" * 32).decode()
    return Settings.model_validate(
        {
            "AzureWebJobsStorage": azurite,
            "vault_file": str(tmp_path_factory.mktemp("vault") / "secrets"),
            "client_state_keys": f"k1:{key}",
            "api_token": FIRST_TOKEN,
            "service_url": SERVICE_URL,
        }
    )


@pytest.fixture(scope="session")
def relay(app_settings: Settings, outside: Outside) -> Relay:
    """Return the product, with the outside replaced."""
    replaced = bootstrap.Replacements(
        clock=outside.clock,
        log=outside.log,
        token_inspector=outside.inspector,
        reader=outside.reader,
        mailboxes=outside.mailboxes,
        subscriptions=outside.subscriptions,
        sender=outside.sender,
        endpoint=outside.endpoint,
        history=outside.history,
        code_flow=outside.code_flow,
        grant_tokens=outside.grant_tokens,
    )
    return bootstrap.build(app_settings, replaced)


@pytest.fixture(scope="session")
def ingress(app_settings: Settings, outside: Outside) -> bootstrap.Ingress:
    """Return the notification part of the product; a machine that is slow is no reason for it to refuse."""
    built = bootstrap.build_ingress(app_settings, clock=outside.clock, log=outside.log)
    return replace(built, notifications=replace(built.notifications, prompt=timedelta(minutes=2)))


@pytest.fixture(scope="session")
def client(app_functions: list[Any], azurite: str) -> Iterator[Client]:
    """Return the client, before it has an app to call."""
    client = Client([declare(function) for function in app_functions], azurite, FIRST_TOKEN)
    yield client
    client.close()


@pytest.fixture
def api(client: Client, relay: Relay, ingress: bootstrap.Ingress, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return the client of a working app; what earlier tests stored is still there, and none of what they queued."""
    monkeypatch.setattr(bootstrap, "relay", lambda: relay)
    monkeypatch.setattr(bootstrap, "ingress", lambda: ingress)
    monkeypatch.setattr(bootstrap, "log", lambda: relay.log)
    client.forget()
    return client


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the health check wait for storage as long as a slow machine needs."""
    monkeypatch.setattr(health, "_SECONDS", 120.0)
    for wait in ("connection_timeout", "read_timeout"):
        monkeypatch.setitem(QUICK, wait, 60)


@pytest.fixture
def app_id(api: Client) -> str:
    """Return the id of a new OAuth2 application."""
    return str(api.post("/v1/oauth2", an_app()).json()["id"])


@pytest.fixture
def account(api: Client, app_id: str, unique: Callable[[str], str]) -> str:
    """Return the id of a new account, connected."""
    name = unique("a")
    assert api.post("/v1/account", an_account(name, app_id)).status == 200
    api.pump()
    return name
