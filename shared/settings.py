"""
The settings that a deployment fixes: environment variables, read once, refused when they cannot be right.

(What an operator changes while the product runs is `/v1/settings`, shared/domain/instance_settings.py.)
"""

import ipaddress
import os
import re
from base64 import b64decode
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Self
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_KEY_ID = re.compile(r"^[a-z0-9]{1,8}$")
_SERVER = re.compile(r"^[A-Za-z0-9.-]+:\d{1,5}$")
# https://www.rfc-editor.org/rfc/rfc9110#name-field-values
_HEADER_NAME = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
_HEADER_VALUE = re.compile(r"^[\x20-\x7e]*$")
_MINIMUM_KEY_BYTES = 32
# What the function app does not start without, and the sidecar has no business with.
OF_THE_APP = ("client_state_keys", "api_token")


class SettingsRefusedError(Exception):
    """The environment cannot be right; the text names each variable and its mend."""


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _as_listed(value: object) -> object:
    return _listed(value) if isinstance(value, str) else value


def _each(secrets: SecretStr | None) -> tuple[str, ...]:
    return _listed(secrets.get_secret_value()) if secrets else ()


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_as_listed)]
Seconds = Annotated[tuple[float, ...], NoDecode, BeforeValidator(_as_listed)]


class Settings(BaseSettings):
    """Every setting of a deployment; the environment variable is the field's alias, or its name in upper case."""

    model_config = SettingsConfigDict(case_sensitive=False, extra="ignore", env_ignore_empty=True, frozen=True)

    storage: SecretStr | None = Field(
        default=None,
        alias="AzureWebJobsStorage",
        description="Connection string of the storage account. Leave it out where a managed identity is used.",
    )
    storage_account: str | None = Field(
        default=None,
        alias="AzureWebJobsStorage__accountName",
        description="Name of the storage account that a managed identity opens, in the public cloud; elsewhere the "
        "addresses of its services are needed.",
    )
    storage_queue_uri: str | None = Field(
        default=None,
        alias="AzureWebJobsStorage__queueServiceUri",
        description="Address of the queue service, in a sovereign cloud or under a name of your own.",
    )
    storage_table_uri: str | None = Field(
        default=None,
        alias="AzureWebJobsStorage__tableServiceUri",
        description="Address of the table service, in a sovereign cloud or under a name of your own.",
    )
    storage_client_id: str | None = Field(
        default=None,
        alias="AzureWebJobsStorage__clientId",
        description="Client id of the user-assigned managed identity that opens storage and the Key Vault.",
    )
    key_vault_url: str | None = Field(
        default=None,
        description="Address of the Key Vault that keeps the secrets. Either this or VAULT_FILE is needed.",
    )
    vault_file: str | None = Field(
        default=None,
        description="Path of an encrypted file that keeps the secrets on one machine, instead of a Key Vault.",
    )
    vault_file_key: SecretStr | None = Field(
        default=None, description="Key of VAULT_FILE (Fernet). Without it a key file beside the vault is made and used."
    )
    client_state_keys: SecretStr | None = Field(
        default=None,
        description="Keys that sign client states: `id:base64` pairs, comma-separated, 32 bytes or more each. "
        "The first signs; all verify. Put a new one first; by their renewals subscriptions follow it, so drop the old "
        "one 7 days later. The function app needs them.",
    )
    api_token: SecretStr | None = Field(
        default=None,
        description="The first access token of the REST API, with every scope: 32 characters or more, without a comma "
        "(a Key Vault reference in Azure). Comma-separated there are several, and each is good: one for each operator, "
        "or two while it changes. The function app needs it.",
    )
    service_url: str | None = Field(
        default=None,
        description="Address at which Graph reaches this service, with a path prefix if there is one. `/v1/settings` "
        "overrides it; without either the host name that Azure gives is used.",
    )
    trusted_proxies: int = Field(
        default=1,
        ge=0,
        le=10,
        description="How many proxies append to X-Forwarded-For before a request is here, for tokens that are kept to "
        "`addresses`: 1 is Azure's own front end; add those of yours that nobody can go around. With 0, or fewer "
        "entries than that, such tokens are refused.",
    )
    website_hostname: str | None = Field(default=None, description="Host name of the function app; Azure sets it.")
    login_url: str | None = Field(
        default=None, description="Address of Entra ID in place of each cloud's own, for a private endpoint or a test."
    )
    graph_url: str | None = Field(
        default=None, description="Address of Microsoft Graph in place of each cloud's own, for a proxy or a test."
    )
    sidecar_url: str | None = Field(
        default=None,
        description="Address of the sidecar, which opens the mailboxes of users who sign in. Without it they wait.",
    )
    sidecar_key: SecretStr | None = Field(
        default=None,
        description="What the function app and the sidecar know each other by, the same at both: 32 characters or "
        "more; comma-separated while it changes, the new one first. SIDECAR_URL needs it.",
    )
    webhook_timeout_seconds: float = Field(
        default=15, ge=1, le=30, description="How long one POST to a webhook may take in all, in seconds (1 to 30)."
    )
    webhook_allow_http: bool = Field(default=False, description="Whether webhooks may be plain http:// URLs.")
    webhook_allowed_networks: Listed = Field(
        default=(),
        description="Private networks (CIDR, comma-separated) that webhooks may be in, for those who host everything "
        "themselves. Metadata and platform addresses stay refused.",
    )
    retry_schedule_seconds: Seconds = Field(
        default=(5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400),
        description="Waits between the attempts of a delivery, in seconds (at most 6 days each); each varies by 20 %.",
    )
    sweep_minutes: float = Field(
        default=20,
        ge=5,
        le=120,
        description="How often each mailbox is looked at for what no notification told, in minutes (5 to 120).",
    )
    sweep_folders: Listed = Field(
        default=("inbox",),
        description="Folders in which a sweep looks for what is gone: well-known names or folder ids, comma-separated. "
        "Arrivals, changed flags and moves are found in every folder.",
    )
    poll_seconds: float = Field(
        default=60,
        ge=10,
        le=600,
        description="How often a mailbox is looked at while Graph cannot call us, in seconds (10 to 600).",
    )
    payload_retention_days: int = Field(
        default=14, ge=4, le=365, description="How long the exact bytes of an event are kept for retries and resending."
    )
    retention_days: int = Field(
        default=40,
        ge=31,
        le=730,
        description="How long the delivery log, what we last knew of messages, and messages that were given up are "
        "kept, in days (31 to 730); at least PAYLOAD_RETENTION_DAYS. Whole months are dropped, so the oldest stay up "
        "to 5 weeks longer.",
    )

    imap_server: str | None = Field(
        default=None, description="IMAP server (`host:port`, TLS) in place of each cloud's own, for a test."
    )
    smtp_server: str | None = Field(
        default=None, description="SMTP server (`host:port`, STARTTLS) in place of each cloud's own, for a test."
    )
    sidecar_lease_seconds: float = Field(
        default=40,
        ge=2,
        le=600,
        description="How long a silent replica of the sidecar keeps its mailboxes, in seconds (2 to 600).",
    )
    sidecar_poll_seconds: float = Field(
        default=300,
        ge=1,
        le=3600,
        description="How often folders that no connection listens to are looked at, in seconds (1 to 3600).",
    )
    sidecar_port: int = Field(
        default=8080, ge=0, le=65535, description="Port on which the sidecar answers (0 takes a free one)."
    )
    sidecar_sessions: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="How many IMAP connections the sidecar keeps with one user's sign-in. Exchange has limits of its "
        "own, so raise it with care.",
    )

    sidecar_logins_per_second: float = Field(
        default=5, gt=0, le=1000, description="How many IMAP logins a replica of the sidecar begins in a second."
    )

    otel_exporter_otlp_endpoint: str | None = Field(
        default=None,
        description="Address of an OpenTelemetry collector (OTLP over HTTP, as a rule port 4318) that is told every "
        "log line, as a record and a span. Without it no telemetry is loaded.",
    )
    otel_exporter_otlp_headers: SecretStr | None = Field(
        default=None,
        description="Headers that the collector asks for: `name=value` pairs, comma-separated, percent-encoded.",
    )
    otel_service_name: str = Field(default="relay365", description="What the collector calls this process.")

    @field_validator("client_state_keys")
    @classmethod
    def _keys_are_strong(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _client_state_keys(value)
        return value

    @field_validator("otel_exporter_otlp_headers")
    @classmethod
    def _are_headers(cls, value: SecretStr | None) -> SecretStr | None:
        _headers(value)
        return value

    @field_validator("client_state_keys", "api_token", "sidecar_key", "otel_exporter_otlp_headers")
    @classmethod
    def _is_resolved(cls, value: SecretStr | None) -> SecretStr | None:
        # Where Azure cannot resolve a reference the setting holds its text, which everybody could guess.
        # https://learn.microsoft.com/azure/app-service/app-service-key-vault-references#troubleshoot-key-vault-references
        if value is not None and value.get_secret_value().startswith("@Microsoft.KeyVault("):
            raise ValueError("is a Key Vault reference that Azure did not resolve: may the app's identity read it?")
        return value

    @field_validator("api_token", "sidecar_key")
    @classmethod
    def _each_is_long(cls, value: SecretStr | None) -> SecretStr | None:
        keys = _each(value)
        if value is not None and (not keys or any(len(key) < _MINIMUM_KEY_BYTES for key in keys)):
            raise ValueError("must have 32 characters or more, each: make one with `openssl rand -hex 32`")
        return value

    @field_validator(
        "key_vault_url", "service_url", "login_url", "graph_url", "sidecar_url", "otel_exporter_otlp_endpoint"
    )
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.username
            or parts.query
            or parts.fragment
        ):
            raise ValueError("must be an address like https://relay.example.com, without user, query and fragment")
        return value.rstrip("/")

    @field_validator("imap_server", "smtp_server")
    @classmethod
    def _is_host_and_port(cls, value: str | None) -> str | None:
        if value is not None and not _SERVER.fullmatch(value):
            raise ValueError("must be a host and a port, like mail.example.com:993")
        return value

    @field_validator("webhook_allowed_networks")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ipaddress.ip_network(network)
            except ValueError as problem:
                raise ValueError(f"must be networks like 10.0.0.0/8, comma-separated: {problem}") from None
        return value

    @field_validator("retry_schedule_seconds")
    @classmethod
    def _waits_fit_a_queue(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        six_days = timedelta(days=6).total_seconds()
        # A queue message can be hidden for 7 days; jitter needs the rest.
        if not value or any(not 1 <= wait <= six_days for wait in value):
            raise ValueError("must be one or more waits of 1 to 518400 seconds, comma-separated")
        return value

    @model_validator(mode="after")
    def _storage_and_vault_are_named(self) -> Self:
        if not (self.storage or self.storage_account or (self.storage_queue_uri and self.storage_table_uri)):
            raise ValueError(
                "AzureWebJobsStorage (or AzureWebJobsStorage__accountName with a managed identity) is missing"
            )
        if bool(self.key_vault_url) == bool(self.vault_file):
            raise ValueError("set exactly one of KEY_VAULT_URL (in Azure) and VAULT_FILE (on one machine)")
        return self

    @model_validator(mode="after")
    def _sidecar_is_asked_with_a_key(self) -> Self:
        if self.sidecar_url and not self.sidecar_key:
            raise ValueError("SIDECAR_URL needs SIDECAR_KEY, the same one as at the sidecar")
        return self

    @model_validator(mode="after")
    def _log_outlives_payloads(self) -> Self:
        if self.retention_days < self.payload_retention_days:
            raise ValueError(
                f"RETENTION_DAYS must be at least PAYLOAD_RETENTION_DAYS, which is {self.payload_retention_days}"
            )
        return self

    @property
    def public_url(self) -> str | None:
        """The address that the deployment names: `service_url`, or the one that follows from Azure's host name."""
        return self.service_url or (f"https://{self.website_hostname}" if self.website_hostname else None)

    @property
    def client_state_key_map(self) -> dict[str, bytes]:
        """The client state keys by their ids; the first signs."""
        if self.client_state_keys is None:
            raise SettingsRefusedError("CLIENT_STATE_KEYS is missing")
        return _client_state_keys(self.client_state_keys)

    @property
    def api_tokens(self) -> tuple[str, ...]:
        """The first access tokens of the REST API; each is good."""
        if self.api_token is None:
            raise SettingsRefusedError("API_TOKEN is missing")
        return _each(self.api_token)

    @property
    def sidecar_keys(self) -> tuple[str, ...]:
        """What the sidecar is asked with; each is good, the first is used."""
        return _each(self.sidecar_key)

    @property
    def collector_headers(self) -> dict[str, str]:
        """What the collector asks for, by name."""
        return _headers(self.otel_exporter_otlp_headers)

    @property
    def retry_schedule(self) -> tuple[timedelta, ...]:
        """The waits between attempts."""
        return tuple(timedelta(seconds=wait) for wait in self.retry_schedule_seconds)


def variable(field: str) -> str:
    """Returns the name of the environment variable that sets *field*."""
    return Settings.model_fields[field].alias or field.upper()


def read(needed: Sequence[str] = OF_THE_APP) -> Settings:
    """Reads the environment, which must set *needed*; raises SettingsRefusedError naming all that cannot be right."""
    lines = [f"{variable(field)} is missing" for field in needed if not _is_set(variable(field))]
    settings = None
    try:
        settings = Settings()
    except ValidationError as refused:
        lines += [_explained(problem["loc"], problem["msg"]) for problem in refused.errors(include_input=False)]
    # Outside of `except`: pydantic's own text would show the values, and some of them are secrets.
    if settings is None or lines:
        raise SettingsRefusedError("The settings cannot be right:\n" + "\n".join(f"- {line}" for line in lines))
    return settings


def _is_set(name: str) -> bool:
    return any(value and given.upper() == name.upper() for given, value in os.environ.items())


def _explained(location: tuple[int | str, ...], message: str) -> str:
    told = message.removeprefix("Value error, ")
    if not location:
        return told
    name = str(location[0])
    return f"{name if name in _ALIASES else name.upper()} {told}"


def _client_state_keys(value: SecretStr) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for pair in value.get_secret_value().split(","):
        key_id, _, encoded = pair.strip().partition(":")
        try:
            key = b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        if not _KEY_ID.fullmatch(key_id) or key_id in keys or len(key) < _MINIMUM_KEY_BYTES:
            raise ValueError(
                "must be pairs like k1:BASE64, comma-separated: an id of 1 to 8 characters [a-z0-9], each id once, and "
                "32 bytes or more in base64 (`openssl rand -base64 32`)"
            )
        keys[key_id] = key
    return keys


def _headers(value: SecretStr | None) -> dict[str, str]:
    # https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables
    headers: dict[str, str] = {}
    for pair in value.get_secret_value().split(",") if value else ():
        name, told, content = pair.partition("=")
        name, content = name.strip(), unquote(content.strip())
        if not told or not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(content):
            raise ValueError("must be pairs like api-key=abc, comma-separated, other characters percent-encoded")
        headers[name] = content
    return headers


_ALIASES = {field.alias for field in Settings.model_fields.values() if field.alias}
