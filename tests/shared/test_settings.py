"""Settings: read once, refused by name, and never shown."""

import os
import traceback
from base64 import b64encode
from datetime import timedelta

import pytest

from shared.settings import Settings, SettingsRefusedError, read, variable

KEY = b64encode(b"k" * 32).decode()
OTHER_KEY = b64encode(b"o" * 40).decode()
ENVIRONMENT = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "VAULT_FILE": "vault.bin",
    "CLIENT_STATE_KEYS": f"k1:{KEY}",
    "API_TOKEN": "0" * 64,
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have an environment that holds what is needed and nothing else."""
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def refusal(environment: pytest.MonkeyPatch, **variables: str | None) -> str:
    """Return the text that refuses the environment with *variables* changed, None for one that is taken away."""
    for name, value in variables.items():
        environment.delenv(name) if value is None else environment.setenv(name, value)
    with pytest.raises(SettingsRefusedError) as refused:
        read()
    assert "t0psecret" not in "".join(traceback.format_exception(refused.value))
    return str(refused.value)


@pytest.mark.usefixtures("environment")
def test_four_variables_are_enough() -> None:
    """What is not set has the value of Standard Webhooks, or none."""
    settings = read()
    assert settings.webhook_timeout_seconds == 15
    assert settings.payload_retention_days == 14
    assert (settings.public_url, settings.webhook_allow_http, settings.webhook_allowed_networks) == (None, False, ())
    hours = [wait / timedelta(hours=1) for wait in settings.retry_schedule[2:]]
    assert settings.retry_schedule[:2] == (timedelta(seconds=5), timedelta(minutes=5))
    assert hours == [0.5, 2, 5, 10, 14, 20, 24]


def test_the_log_outlives_the_payloads(environment: pytest.MonkeyPatch) -> None:
    """What was sent is kept in the log for at least as long as its bytes."""
    assert read().retention_days == 40
    assert "RETENTION_DAYS must be at least PAYLOAD_RETENTION_DAYS, which is 41" in refusal(
        environment, PAYLOAD_RETENTION_DAYS="41"
    )
    assert "RETENTION_DAYS" in refusal(environment, PAYLOAD_RETENTION_DAYS=None, RETENTION_DAYS="30")


def test_lists_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    """Lists are written with commas, spaces do not count, and an empty variable is an absent one."""
    environment.setenv("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/8, fd00::/8,")
    environment.setenv("RETRY_SCHEDULE_SECONDS", "1, 2.5")
    environment.setenv("PAYLOAD_RETENTION_DAYS", "")
    settings = read()
    assert settings.webhook_allowed_networks == ("10.0.0.0/8", "fd00::/8")
    assert settings.retry_schedule == (timedelta(seconds=1), timedelta(seconds=2.5))
    assert settings.payload_retention_days == 14


def test_headers_are_percent_encoded(environment: pytest.MonkeyPatch) -> None:
    """What the collector asks for is read as OpenTelemetry writes it, and not shown."""
    environment.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%3Db%2C, Authorization=Bearer%20t0psecret")
    assert read().collector_headers == {"api-key": "a=b,", "Authorization": "Bearer t0psecret"}
    assert "t0psecret" not in repr(read())


def test_the_first_key_signs(environment: pytest.MonkeyPatch) -> None:
    """Client state keys keep their order, since the first signs."""
    environment.setenv("CLIENT_STATE_KEYS", f"k2:{OTHER_KEY}, k1:{KEY}")
    assert list(read().client_state_key_map.items()) == [("k2", b"o" * 40), ("k1", b"k" * 32)]


def test_the_api_takes_several_tokens(environment: pytest.MonkeyPatch) -> None:
    """While the first token changes there are two, and each is good."""
    environment.setenv("API_TOKEN", f"{'n' * 32}, {'t' * 32}")
    assert read().api_tokens == ("n" * 32, "t" * 32)


def test_the_sidecar_is_asked_with_the_first_key(environment: pytest.MonkeyPatch) -> None:
    """While the sidecar's key changes there are two, in their order."""
    environment.setenv("SIDECAR_KEY", f"{'n' * 32}, {'k' * 32}")
    assert read().sidecar_keys == ("n" * 32, "k" * 32)


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({"WEBSITE_HOSTNAME": "relay.azurewebsites.net"}, "https://relay.azurewebsites.net"),
        (
            {"WEBSITE_HOSTNAME": "relay.azurewebsites.net", "SERVICE_URL": "https://relay.example.com/mail/"},
            "https://relay.example.com/mail",
        ),
    ],
)
def test_the_public_address(environment: pytest.MonkeyPatch, variables: dict[str, str], address: str) -> None:
    """The address that a deployment names wins over the host name that Azure gives."""
    for name, value in variables.items():
        environment.setenv(name, value)
    assert read().public_url == address


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"API_TOKEN": None}, "API_TOKEN is missing"),
        ({"API_TOKEN": "short"}, "API_TOKEN must have 32 characters or more, each: make one with `openssl"),
        ({"API_TOKEN": f"{'t' * 32},short"}, "API_TOKEN must have 32 characters or more, each"),
        (
            {"API_TOKEN": "@Microsoft.KeyVault(SecretUri=https://one.vault.azure.net/secrets/API-TOKEN)"},
            "API_TOKEN is a Key Vault reference that Azure did not resolve: may the app's identity read it?",
        ),
        ({"CLIENT_STATE_KEYS": None}, "CLIENT_STATE_KEYS is missing"),
        ({"CLIENT_STATE_KEYS": f"K1:{KEY}"}, "CLIENT_STATE_KEYS must be pairs like k1:BASE64, comma-separated"),
        ({"CLIENT_STATE_KEYS": "k1:c2hvcnQ="}, "CLIENT_STATE_KEYS must be pairs like k1:BASE64, comma-separated"),
        ({"CLIENT_STATE_KEYS": f"k1:{KEY},"}, "CLIENT_STATE_KEYS must be pairs like k1:BASE64, comma-separated"),
        (
            {"AzureWebJobsStorage": None},
            "AzureWebJobsStorage (or AzureWebJobsStorage__accountName with a managed identity) is missing",
        ),
        (
            {"VAULT_FILE": None},
            "set exactly one of KEY_VAULT_URL (in Azure) and VAULT_FILE (on one machine)",
        ),
        (
            {"KEY_VAULT_URL": "https://vault.example.com"},
            "set exactly one of KEY_VAULT_URL (in Azure) and VAULT_FILE (on one machine)",
        ),
        ({"SERVICE_URL": "relay.example.com"}, "SERVICE_URL must be an address like https://relay.example.com"),
        ({"SIDECAR_URL": "http://sidecar"}, "SIDECAR_URL needs SIDECAR_KEY, the same one as at the sidecar"),
        ({"SIDECAR_KEY": "short"}, "SIDECAR_KEY must have 32 characters or more"),
        ({"SIDECAR_KEY": f"{'k' * 32},short"}, "SIDECAR_KEY must have 32 characters or more"),
        ({"SIDECAR_KEY": ","}, "SIDECAR_KEY must have 32 characters or more"),
        ({"SIDECAR_URL": "sidecar:8080"}, "SIDECAR_URL must be an address like https://relay.example.com"),
        ({"GRAPH_URL": "https://proxy/?a=b"}, "GRAPH_URL must be an address like https://relay.example.com"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT must be an address like"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "t0psecret"}, "OTEL_EXPORTER_OTLP_HEADERS must be pairs like api-key=abc"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=t0psecret%0Ab"}, "OTEL_EXPORTER_OTLP_HEADERS must be pairs like api-key="),
        ({"WEBHOOK_TIMEOUT_SECONDS": "31"}, "WEBHOOK_TIMEOUT_SECONDS Input should be less than or equal to 30"),
        ({"WEBHOOK_ALLOWED_NETWORKS": "10.0.0.1/8"}, "WEBHOOK_ALLOWED_NETWORKS must be networks like 10.0.0.0/8"),
        (
            {"RETRY_SCHEDULE_SECONDS": "5,518401"},
            "RETRY_SCHEDULE_SECONDS must be one or more waits of 1 to 518400 seconds, comma-separated",
        ),
        (
            {"RETRY_SCHEDULE_SECONDS": "0"},
            "RETRY_SCHEDULE_SECONDS must be one or more waits of 1 to 518400 seconds, comma-separated",
        ),
        ({"PAYLOAD_RETENTION_DAYS": "3"}, "PAYLOAD_RETENTION_DAYS Input should be greater than or equal to 4"),
    ],
)
def test_what_cannot_be_right_is_named(
    environment: pytest.MonkeyPatch, variables: dict[str, str | None], line: str
) -> None:
    """Each variable that is wrong is named with its mend, on a line of its own."""
    told = refusal(environment, **variables)
    assert told.startswith("The settings cannot be right:\n- ")
    assert f"\n- {line}" in told


def test_the_sidecar_needs_no_secret_of_the_function_app(environment: pytest.MonkeyPatch) -> None:
    """Where neither token nor keys are needed they may be absent, and whoever asks for them is told."""
    environment.delenv("API_TOKEN")
    environment.setenv("CLIENT_STATE_KEYS", "")
    settings = read(needed=())
    with pytest.raises(SettingsRefusedError, match="API_TOKEN is missing"):
        _ = settings.api_tokens
    with pytest.raises(SettingsRefusedError, match="CLIENT_STATE_KEYS is missing"):
        _ = settings.client_state_key_map


def test_all_that_is_wrong_is_told_at_once(environment: pytest.MonkeyPatch) -> None:
    """An operator who has several variables wrong sees all of them."""
    told = refusal(environment, API_TOKEN=None, WEBHOOK_TIMEOUT_SECONDS="0", SERVICE_URL="x")
    assert len(told.splitlines()) == 4


def test_no_secret_is_told(environment: pytest.MonkeyPatch) -> None:
    """Neither a refusal nor the settings themselves show a secret."""
    secrets = {"API_TOKEN": "t0psecret", "CLIENT_STATE_KEYS": "k1:t0psecret", "VAULT_FILE_KEY": "t0psecret-key"}
    assert len(refusal(environment, **secrets).splitlines()) == 3
    for name, value in {**ENVIRONMENT, "AzureWebJobsStorage": "AccountKey=t0psecret"}.items():
        environment.setenv(name, value)
    assert "t0psecret" not in repr(read())
    assert KEY not in repr(read())


def test_fields_know_their_variables() -> None:
    """A field's variable is its alias, or its name in upper case."""
    assert variable("storage_account") == "AzureWebJobsStorage__accountName"
    assert variable("api_token") == "API_TOKEN"
    assert all(variable(field) for field in Settings.model_fields)
