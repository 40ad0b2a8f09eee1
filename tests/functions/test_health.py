"""`GET /health` as a load balancer sees it."""

from dataclasses import replace

import pytest

from shared import bootstrap
from shared.services.health import Health
from shared.services.relay import Relay
from tests.fakes.health import FakeDependency
from tests.functions.client import Client


@pytest.mark.usefixtures("unhurried")
def test_healthy_service_needs_no_token(api: Client) -> None:
    """Without a token, a healthy service answers 200 with `success`, each dependency and the last tick."""
    answer = api.call("GET", "/health", token=None)
    assert answer.status == 200
    told = answer.json()
    del told["lastTick"]
    assert told == {"success": True, "dependencies": {"storage": "ok", "vault": "ok"}}


@pytest.mark.usefixtures("unhurried")
def test_dependency_that_is_down_is_named(api: Client, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a dependency down the answer is 503 and names it, without a reason that could tell a secret."""
    vault = FakeDependency("vault")
    vault.answers = False
    sick = replace(relay, health=Health([FakeDependency(), vault], relay.timers, relay.log))
    monkeypatch.setattr(bootstrap, "relay", lambda: sick)
    answer = api.call("GET", "/health", token=None)
    assert answer.status == 503
    told = answer.json()
    del told["lastTick"]
    assert told == {"success": False, "dependencies": {"storage": "ok", "vault": "does not answer"}}
