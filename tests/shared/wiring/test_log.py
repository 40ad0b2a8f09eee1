"""The log: what the parts of a process tell, one and the same counts and sends."""

import threading
from collections.abc import Callable

import pytest

from shared.domain.tallies import Role
from shared.settings import Settings
from shared.wiring import log
from shared.wiring.log import log_of, tally_of
from shared.wiring.storage import storage_of
from tests.shared.adapters.telemetry.receiver import receiving


def test_a_process_counts_in_one_place(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    """What two parts of a process tell, one and the same counts, and not before it is told."""
    ours, start, begun = threading.current_thread(), threading.Thread.start, list[threading.Thread]()

    def note(thread: threading.Thread) -> None:
        # Not those of earlier tests, which write what they counted when their time comes.
        if threading.current_thread() is ours:
            begun.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", note)
    counting = {id(log_of(settings())._logs[-1]) for _ in range(2)}
    assert counting == {id(tally_of(storage_of(settings()), Role.APP))}
    assert begun == []


def test_telemetry_where_a_collector_is_named(settings: Callable[..., Settings]) -> None:
    """With a collector's address each part of the process tells it what it tells its log, through one and the same."""
    with receiving() as received:
        named = settings(otel_exporter_otlp_endpoint=received.url, otel_exporter_otlp_headers="api-key=t0p%20secret")
        log_of(named).event("notifications.accepted", milliseconds=2)
        log_of(named).event("delivery.attempted", milliseconds=3)
        log_of(named, Role.SIDECAR).event("sidecar.started")
        log_of(named)._logs[-1].close()
        received.wait(3)
        log._exporter.cache_clear()
    assert sorted(each.event_name for each in received.records) == [
        "delivery.attempted",
        "notifications.accepted",
        "sidecar.started",
    ]
    assert {each["api-key"] for each in received.headers} == {"t0p secret"}
    assert {resource.SerializeToString() for resource in received.resources} != set()
    assert len({resource.SerializeToString() for resource in received.resources}) == 1
