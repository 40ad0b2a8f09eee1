"""The composition root: everything fits together, and the notification endpoint needs very little of it."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shared import bootstrap
from shared.bootstrap import Replacements
from shared.domain.errors import Misconfigured
from shared.domain.tallies import Role
from shared.settings import Settings
from tests.fakes.clock import FakeClock
from tests.fakes.history import FakeHistory
from tests.fakes.log import FakeLog
from tests.fakes.microsoft365 import FakeMailboxes, FakeMessageReader, FakeSubscriptions
from tests.fakes.vault import FakeVault
from tests.fakes.webhooks import FakeWebhookSender
from tests.shared.adapters.telemetry.receiver import receiving

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


def test_a_vault_in_azure_takes_the_place_of_the_file(environment: Callable[..., None]) -> None:
    """With a Key Vault's address the product is made, and its health looks at the vault."""
    environment(VAULT_FILE=None, KEY_VAULT_URL="https://relay.vault.azure.net")
    relay = bootstrap.build(settings())
    assert sorted(dependency.name for dependency in relay.health._dependencies) == ["storage", "vault"]


def test_a_sidecar_is_a_dependency_where_there_is_one(environment: Callable[..., None]) -> None:
    """With a sidecar's address the health looks at it, and mail of users is read there; without one it is absent."""
    relay = bootstrap.build(settings())
    assert [dependency.name for dependency in relay.health._dependencies] == ["storage", "vault"]
    environment(SIDECAR_URL="http://127.0.0.1:1", SIDECAR_KEY="k" * 32)
    relay = bootstrap.build(settings())
    assert [dependency.name for dependency in relay.health._dependencies] == ["storage", "vault", "sidecar"]


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
    assert relay.changes.clock is relay.deliveries.clock is clock
    assert relay.jobs.connections.mailboxes is relay.oauth2_apps.mailboxes is outside.mailboxes
    assert relay.deliveries.sender is outside.sender
    jobs = relay.jobs
    assert jobs.connections.subscriptions is jobs.renewals.subscriptions is jobs.removals.subscriptions
    assert jobs.removals.subscriptions is outside.subscriptions
    assert jobs.sweeps.history is outside.history


def test_a_process_has_one_product(environment: Callable[..., None]) -> None:
    """However often it is asked for, the product and its notification part are made once."""
    assert bootstrap.relay() is bootstrap.relay()
    assert bootstrap.ingress() is bootstrap.ingress()


def test_a_process_counts_in_one_place(environment: Callable[..., None]) -> None:
    """What the product and its notification part are told, one and the same counts, and not before it is told."""
    before = set(threading.enumerate())
    counting = {id(bootstrap.relay().log._logs[-1]), id(bootstrap.ingress().log._logs[-1])}
    assert counting == {id(bootstrap._tally(bootstrap._connection(settings()), Role.APP))}
    assert set(threading.enumerate()) <= before


def test_threads_that_come_first_together_share_the_product() -> None:
    """Where many threads ask for the product before there is one, one of them makes it, and all get the same."""
    made: list[object] = []

    @bootstrap.Once
    def make() -> object:
        time.sleep(0.02)
        made.append(object())
        return made[-1]

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: make(), range(8))) == {made[0]}
    assert len(made) == 1


def test_telemetry_where_a_collector_is_named(environment: Callable[..., None]) -> None:
    """With a collector's address each part of the process tells it what it tells its log, through one and the same."""
    with receiving() as received:
        environment(OTEL_EXPORTER_OTLP_ENDPOINT=received.url, OTEL_EXPORTER_OTLP_HEADERS="api-key=t0p%20secret")
        bootstrap.build_ingress(settings()).log.event("notifications.accepted", milliseconds=2)
        bootstrap.build(settings()).log.event("delivery.attempted", milliseconds=3)
        bootstrap.build_sidecar(settings()).log.event("sidecar.started")
        received.wait(3)
        bootstrap._exporter.cache_clear()
    assert sorted(each.event_name for each in received.records) == [
        "delivery.attempted",
        "notifications.accepted",
        "sidecar.started",
    ]
    assert {each["api-key"] for each in received.headers} == {"t0p secret"}
    assert {resource.SerializeToString() for resource in received.resources} != set()
    assert len({resource.SerializeToString() for resource in received.resources}) == 1


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
