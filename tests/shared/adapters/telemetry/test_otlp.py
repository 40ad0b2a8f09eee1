"""Lines in OTLP's words, read back by OpenTelemetry's own messages."""

import hashlib
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared.adapters.telemetry.otlp import _KINDS, Line, logs, traces
from shared.domain.log_events import EVENTS
from tests.fakes.clock import START

RESOURCE = {"service.name": "relay365", "service.instance.id": "one"}


def a_line(name: str = "delivery.attempted", *, problem: bool = False, **fields: object) -> Line:
    """Return a line of the log."""
    return Line(name, fields, START, problem)


def record_of(line: Line) -> Any:
    """Return the only log record of a request."""
    (resource,) = ExportLogsServiceRequest.FromString(logs([line], RESOURCE)).resource_logs
    (record,) = resource.scope_logs[0].log_records
    return record


def spans_of(*lines: Line) -> list[Any]:
    """Return the spans of a request."""
    (resource,) = ExportTraceServiceRequest.FromString(traces(lines, RESOURCE)).resource_spans
    return list(resource.scope_spans[0].spans)


def attributes(told: Any) -> dict[str, Any]:
    """Return the attributes of a record or a span."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in told.attributes}


def test_a_line_is_a_log_record() -> None:
    """A record has the line's name, its moment, and its fields with their types, without those that are None."""
    record = record_of(a_line(status=200, error=None, share=0.5, told=True, state="delivered", at=START))
    assert (record.event_name, record.body.string_value) == ("delivery.attempted", "delivery.attempted")
    assert record.time_unix_nano == record.observed_time_unix_nano == int(START.timestamp()) * 1_000_000_000
    assert attributes(record) == {
        "relay365.status": 200,
        "relay365.share": 0.5,
        "relay365.told": True,
        "relay365.state": "delivered",
        "relay365.at": str(START),
    }
    listed = record_of(a_line(scopes=["api", "metrics"])).attributes[0].value.array_value
    assert [each.string_value for each in listed.values] == ["api", "metrics"]
    named = record_of(a_line(kinds={"messageNew": 2})).attributes[0].value.kvlist_value
    assert [(each.key, each.value.int_value) for each in named.values] == [("messageNew", 2)]


def test_problems_are_warnings() -> None:
    """A problem has the severity of a warning, and anything else that of information."""
    told = [record_of(a_line(problem=problem)) for problem in (False, True)]
    assert [(each.severity_number, each.severity_text) for each in told] == [(9, "INFO"), (13, "WARN")]


def test_the_resource_names_the_process() -> None:
    """Both signals say which process they are of."""
    (resource,) = ExportLogsServiceRequest.FromString(logs([a_line()], RESOURCE)).resource_logs
    (traced,) = ExportTraceServiceRequest.FromString(traces([a_line(milliseconds=1)], RESOURCE)).resource_spans
    assert attributes(resource.resource) == attributes(traced.resource) == RESOURCE


def test_what_took_time_is_a_span() -> None:
    """A span ends when its line was told and began so many milliseconds before; its record points at it."""
    line = a_line(milliseconds=250, correlation="c1", account="help")
    (span,) = spans_of(line)
    end = int(START.timestamp()) * 1_000_000_000
    assert (span.name, span.kind, span.start_time_unix_nano, span.end_time_unix_nano) == (
        "delivery.attempted",
        3,
        end - 250_000_000,
        end,
    )
    assert attributes(span)["relay365.account"] == "help"
    record = record_of(line)
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert (len(span.trace_id), len(span.span_id)) == (16, 8)


def test_one_correlation_is_one_trace() -> None:
    """Whatever has the same correlation is in one trace, also from another process; without one each is its own."""
    lines = [a_line("changes.expanded", milliseconds=1, correlation="c1"), a_line(milliseconds=2, correlation="c1")]
    alone = [a_line(milliseconds=3), a_line(milliseconds=4)]
    spans = spans_of(*lines, *alone)
    assert spans[0].trace_id == spans[1].trace_id == hashlib.sha256(b"c1").digest()[:16]
    assert len({span.trace_id for span in spans}) == 3
    assert record_of(a_line("sign_in.finished", correlation="c1")).trace_id == spans[0].trace_id
    assert record_of(a_line("settings.changed")).trace_id == b""


def test_failures_are_marked() -> None:
    """A span whose line is a problem, or names an error, has failed."""
    spans = spans_of(
        a_line(milliseconds=1), a_line(milliseconds=1, error="timeout"), a_line(milliseconds=1, problem=True)
    )
    assert [(span.status.code, span.status.message) for span in spans] == [
        (0, ""),
        (2, "timeout"),
        (2, "delivery.attempted"),
    ]


def test_lines_without_time_make_no_request() -> None:
    """Where no line took time there is nothing to say of traces."""
    assert traces([a_line()], RESOURCE) == b""


def test_kinds_are_of_lines_that_exist() -> None:
    """Every name that has a kind of span is a line of the log that tells milliseconds."""
    timed = {event.name for event in EVENTS if "milliseconds" in event.fields}
    assert _KINDS.keys() <= timed
