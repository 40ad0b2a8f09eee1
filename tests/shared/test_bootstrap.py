"""The composition root: everything fits together, and the notification endpoint needs very little of it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared import bootstrap
from shared.bootstrap import Replacements
from shared.domain.errors import Misconfigured
from shared.settings import Settings
from tests.fakes.clock import FakeClock
from tests.fakes.history import FakeHistory
from tests.fakes.log import FakeLog
from tests.fakes.microsoft365 import FakeMailboxes, FakeMessageReader, FakeSubscriptions
from tests.fakes.vault import FakeVault
from tests.fakes.webhooks import FakeWebhookSender

ENVIRONMENT = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "VAULT_FILE": "vault.bin",
    "CLIENT_STATE_KEYS": "k1:" + "a" * 43 + "=",
    "API_TOKEN": "f" * 64,
    "SERVICE_URL": "https://relay.example.com",
}
# What answers Graph's handshake must not wait for: tables, vault, Graph, and their libraries.
HEAVY = ("azure.data", "azure.keyvault", "azure.identity", "msal", "shared.adapters.graph", "shared.services.changes")
# What nobody pays for who did not ask for it.
TELEMETRY = ("shared.adapters.telemetry", "opentelemetry", "google.protobuf")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Return what sets the environment; a variable that is None is missing."""

    def put(**changes: str | None) -> None:
        for name in (*ENVIRONMENT, "KEY_VAULT_URL"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {**ENVIRONMENT, "VAULT_FILE": str(tmp_path / "vault.bin"), **changes}.items():
            if value is not None:
                monkeypatch.setenv(name, value)

    bootstrap.relay.forget()
    bootstrap.ingress.forget()
    bootstrap.log.forget()
    put()
    return put


def settings() -> Settings:
    """Return the settings that the environment names."""
    from shared.settings import read  # noqa: PLC0415  the environment is not set before the test runs

    return read()


def test_everything_fits_together(environment: Callable[..., None]) -> None:
    """The whole product is made from the environment, without a call to the outside."""
    relay = bootstrap.build(settings())
    assert relay.instance_settings.public_url == "https://relay.example.com"
    assert relay.changes.deliveries is relay.deliveries


def test_a_test_replaces_the_outside(environment: Callable[..., None]) -> None:
    """What a test puts in the place of an adapter stands behind every use case that needs it."""
    clock = FakeClock()
    outside = Replacements(
        clock=clock,
        log=FakeLog(),
        vault=FakeVault(),
        reader=FakeMessageReader(),
        mailboxes=FakeMailboxes(),
        subscriptions=FakeSubscriptions(clock),
        sender=FakeWebhookSender(),
        history=FakeHistory(clock),
    )
    relay = bootstrap.build(settings(), outside)
    assert relay.changes.machine.clock is relay.deliveries.machine.clock is clock
    assert relay.jobs.connections.mailboxes is relay.oauth2_apps.mailboxes is outside.mailboxes
    assert relay.deliveries.sender is outside.sender
    jobs = relay.jobs
    assert jobs.connections.subscriptions is jobs.renewals.subscriptions is jobs.removals.subscriptions
    assert jobs.removals.subscriptions is outside.subscriptions
    assert jobs.sweeps.history is outside.history


def test_a_process_has_one_product(environment: Callable[..., None]) -> None:
    """However often it is asked for, the product and its notification part are made once, and count as one."""
    assert bootstrap.relay() is bootstrap.relay()
    assert bootstrap.ingress() is bootstrap.ingress()
    assert bootstrap.relay().log._logs[-1] is bootstrap.ingress().log._logs[-1]


@pytest.mark.parametrize("given", [{}, {"API_TOKEN": "short"}])
def test_there_is_always_a_log(environment: Callable[..., None], given: dict[str, str]) -> None:
    """Requests have a log also where the settings are refused, which must be told."""
    environment(**given)
    bootstrap.log().event("request.answered")


@pytest.mark.parametrize("make", [bootstrap.relay, bootstrap.ingress], ids=["relay", "ingress"])
def test_bad_settings_are_named(environment: Callable[..., None], make: Callable[[], Any]) -> None:
    """A setting that cannot be right is named, without its value."""
    environment(API_TOKEN="too-short-a-secret")
    with pytest.raises(Misconfigured) as refused:
        make()
    assert "API_TOKEN" in str(refused.value)
    assert "too-short-a-secret" not in str(refused.value)


def test_the_notification_part_is_light(root: Path, tmp_path: Path) -> None:
    """What answers Graph loads no table, no vault, no Graph, none of their libraries, and no telemetry."""
    program = (
        "import sys; from shared import bootstrap; bootstrap.ingress().log.event('sidecar.started');"
        f"print([name for name in sys.modules if name.startswith({HEAVY + TELEMETRY!r})])"
    )
    started = subprocess.run(  # noqa: S603  the program stands above
        [sys.executable, "-c", program],
        cwd=root,
        env={**ENVIRONMENT, "VAULT_FILE": str(tmp_path / "vault.bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (started.stdout.strip(), started.stderr) == ("[]", "")
