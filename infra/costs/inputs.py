"""The inputs: prices.json, figures.json and limits.json, each value with where it comes from."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

_FOLDER = Path(__file__).parent


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Price(_Input):
    """
    What one `unit` costs; so many a month are `free`.

    `confidence` is `list` where the value was read on Microsoft's page, `copy` where somebody else quotes that, and
    `memory` where it was not read at all.
    """

    value: float = Field(ge=0)
    unit: str
    free: float = Field(0, ge=0)
    confidence: Literal["list", "copy", "memory"]
    source: str = Field(pattern=r"^https://(azure|learn)\.microsoft\.com/")


class Prices(_Input):
    """What Azure asks, in one region and at one time."""

    region: str
    currency: str
    looked_up: date
    prices: dict[str, Price]

    def __getitem__(self, name: str) -> Price:
        """The price of that name."""
        return self.prices[name]


class Figure(_Input):
    """
    A number that the model stands on.

    `basis` says how firm it is: `code` is the product's own constant, `measured` was counted here, `vendor` is
    Microsoft's rule, and `assumed` is neither.
    """

    value: float = Field(ge=0)
    unit: str
    basis: Literal["code", "measured", "vendor", "assumed"]
    source: str


class Figures(_Input):
    """Every number that the model stands on."""

    busy_hours: Figure
    notifications_per_event: Figure
    notifications_per_post: Figure
    gathering_seconds: Figure
    post_seconds: Figure
    post_cpu_ms: Figure
    message_seconds: Figure
    event_cpu_ms: Figure
    looked_again_share: Figure
    retry_share: Figure
    retry_seconds: Figure
    job_seconds: Figure
    jobs_per_message: Figure
    sweep_cpu_ms: Figure
    renewal_days: Figure
    tick_minutes: Figure
    shortest_billed_seconds: Figure
    messages_at_a_time: Figure
    posts_at_a_time: Figure
    processor_use: Figure
    linger_seconds: Figure
    polls_per_second: Figure
    scale_polls_per_second: Figure
    message_requests: Figure
    event_requests: Figure
    retry_requests: Figure
    sweep_requests: Figure
    renewal_requests: Figure
    tick_requests: Figure
    beat_seconds: Figure
    beat_requests: Figure
    mirror_requests: Figure
    secrets_per_instance: Figure
    secret_minutes: Figure
    grant_reads_per_day: Figure
    account_bytes: Figure
    delivery_bytes: Figure
    payload_bytes: Figure
    sighting_bytes: Figure
    leeway_days: Figure
    month_end_days: Figure
    post_line_bytes: Figure
    batch_line_bytes: Figure
    attempt_line_bytes: Figure
    sweeps_line_bytes: Figure
    look_line_bytes: Figure
    found_share: Figure
    line_envelope_bytes: Figure
    request_record_bytes: Figure
    host_lines: Figure
    host_line_bytes: Figure
    vault_audit_bytes: Figure
    free_log_days: Figure
    mailbox_kilobytes: Figure
    mailbox_messages: Figure
    message_bytes: Figure
    replica_megabytes: Figure
    sidecar_memory_use: Figure
    request_bytes: Figure
    sighting_touches: Figure
    reads_per_call: Figure
    private_parts: Figure


_FIGURES = frozenset(Figures.model_fields)


class Limits(_Input):
    """What a deployment cannot exceed."""

    queue_messages: Figure
    partition_rows: Figure
    storage_requests: Figure
    tick_entries: Figure
    graph_calls: Figure
    tenant_writes: Figure
    instances: Figure
    vault_reads: Figure
    replicas: Figure


class Noting(Figures):
    """Figures that note which of them are read, so that a line can tell what it stands on."""

    _read: set[str] = PrivateAttr(default_factory=set)

    def __getattribute__(self, name: str) -> Any:
        """Returns the attribute, and notes it where it is a figure."""
        if name in _FIGURES:
            self._read.add(name)
        return super().__getattribute__(name)

    @property
    def read(self) -> tuple[str, ...]:
        """The names of those that were read, in the order of the file."""
        return tuple(name for name in Figures.model_fields if name in self._read)


@cache
def prices() -> Prices:
    """Returns the prices of prices.json."""
    return Prices.model_validate_json((_FOLDER / "prices.json").read_text(encoding="utf-8"))


@cache
def figures() -> Figures:
    """Returns the figures of figures.json."""
    return Figures.model_validate_json((_FOLDER / "figures.json").read_text(encoding="utf-8"))


@cache
def limits() -> Limits:
    """Returns the limits of limits.json."""
    return Limits.model_validate_json((_FOLDER / "limits.json").read_text(encoding="utf-8"))
