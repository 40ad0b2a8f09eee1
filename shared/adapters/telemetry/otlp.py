"""
The log's lines in OTLP's words.

Each line is a log record; one that took time is a span too. All that has one correlation is one trace: its id follows
from the correlation, so nothing more travels with a change or a delivery, and a retry after a day is in the trace.

https://opentelemetry.io/docs/specs/otlp/
https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from shared.adapters.telemetry.protobuf import double, fixed64, raw, text, whole

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MILLISECOND = 1_000_000
_INFO, _WARN = 9, 13
_INTERNAL, _SERVER, _CLIENT, _CONSUMER = 1, 2, 3, 5
_ERROR = 2
_KINDS = {
    "notifications.accepted": _SERVER,
    "request.answered": _SERVER,
    "mailbox.called": _SERVER,
    "changes.expanded": _CONSUMER,
    "job.ended": _CONSUMER,
    "sweeps.ended": _CONSUMER,
    "delivery.attempted": _CLIENT,
}
# A name of ours must not be taken for one that OpenTelemetry gives a meaning to.
# https://opentelemetry.io/docs/specs/semconv/general/naming/
_PREFIX = "relay365."


@dataclass(frozen=True, slots=True)
class Line:
    """What the log was told, and when."""

    name: str
    fields: Mapping[str, object]
    at: datetime
    problem: bool
    span: bytes = field(default_factory=lambda: os.urandom(8))

    @property
    def nanoseconds(self) -> int:
        """The moment, counted from 1970."""
        return (self.at - _EPOCH) // _MICROSECOND * 1000

    @property
    def milliseconds(self) -> float | None:
        """How long it took, where the line tells."""
        took = self.fields.get("milliseconds")
        return took if isinstance(took, int | float) else None

    @property
    def trace(self) -> bytes | None:
        """The trace that the line belongs to; one that took time and has no correlation is a trace by itself."""
        correlation = self.fields.get("correlation")
        if correlation:
            return hashlib.sha256(str(correlation).encode()).digest()[:16]
        return hashlib.sha256(self.span).digest()[:16] if self.milliseconds is not None else None


def logs(lines: Sequence[Line], resource: Mapping[str, str]) -> bytes:
    """Returns the body of `POST /v1/logs`."""
    return _request((_record(line) for line in lines), resource)


def traces(lines: Sequence[Line], resource: Mapping[str, str]) -> bytes:
    """Returns the body of `POST /v1/traces`, or nothing where no line took time."""
    spans = [span for line in lines if (span := _span(line)) is not None]
    return _request(spans, resource) if spans else b""


def _request(entries: Iterable[bytes], resource: Mapping[str, str]) -> bytes:
    """Returns `ResourceLogs` or `ResourceSpans` in a request: the two are shaped alike."""
    scope = raw(1, text(1, "relay365"))
    held = raw(1, _attributes(1, resource)) + raw(2, scope + b"".join(raw(2, entry) for entry in entries))
    return raw(1, held)


def _record(line: Line) -> bytes:
    """Returns a `LogRecord`."""
    record = (
        fixed64(1, line.nanoseconds)
        + whole(2, _WARN if line.problem else _INFO)
        + text(3, "WARN" if line.problem else "INFO")
        + raw(5, text(1, line.name))
        + _attributes(6, _named(line.fields))
        + fixed64(11, line.nanoseconds)
        + text(12, line.name)
    )
    if line.trace is not None:
        record += raw(9, line.trace)
    if line.milliseconds is not None:
        record += raw(10, line.span)
    return record


def _span(line: Line) -> bytes | None:
    """Returns a `Span`, which ends when the line was told."""
    if line.milliseconds is None or line.trace is None:
        return None
    span = (
        raw(1, line.trace)
        + raw(2, line.span)
        + text(5, line.name)
        + whole(6, _KINDS.get(line.name, _INTERNAL))
        + fixed64(7, line.nanoseconds - round(line.milliseconds * _MILLISECOND))
        + fixed64(8, line.nanoseconds)
        + _attributes(9, _named(line.fields))
    )
    error = line.fields.get("error")
    if error is not None or line.problem:
        span += raw(15, text(2, str(error or line.name)) + whole(3, _ERROR))
    return span


def _named(fields: Mapping[str, object]) -> dict[str, object]:
    return {_PREFIX + name: value for name, value in fields.items() if value is not None}


def _attributes(number: int, values: Mapping[str, object]) -> bytes:
    """Returns a `KeyValue` for each."""
    return b"".join(raw(number, _key(key) + raw(2, _value(value))) for key, value in values.items())


@lru_cache(1024)
def _key(name: str) -> bytes:
    return text(1, name)


def _value(value: object) -> bytes:
    """Returns an `AnyValue`; what is no plain data is written as text, as in the JSON line."""
    if isinstance(value, bool):
        return whole(2, value)
    if isinstance(value, int):
        return whole(3, value)
    if isinstance(value, float):
        return double(4, value)
    if isinstance(value, list | tuple):
        return raw(5, b"".join(raw(1, _value(each)) for each in value))
    if isinstance(value, Mapping):
        return raw(6, _attributes(1, {str(key): each for key, each in value.items()}))
    return text(1, str(value))
