"""The collector, against one that speaks HTTP."""

import pytest

from shared.adapters.telemetry.collector import Collector, CollectorRefusedError
from shared.adapters.telemetry.otlp import Line
from tests.fakes.clock import START
from tests.shared.adapters.telemetry.receiver import receiving

LINE = Line("delivery.attempted", {"milliseconds": 5}, START, problem=False)


def test_both_signals_go_to_their_addresses() -> None:
    """Records and spans are posted below the endpoint, as Protocol Buffers, with the headers that were asked for."""
    with receiving() as received:
        Collector(f"{received.url}/otlp/", {"api-key": "k"}, {}).take([LINE])
    assert [each["path"] for each in received.headers] == ["/otlp/v1/traces", "/otlp/v1/logs"]
    assert {(each["Content-Type"], each["api-key"]) for each in received.headers} == {("application/x-protobuf", "k")}
    assert (len(received.records), len(received.spans)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "again"), [(429, True), (503, True), (502, True), (504, True), (400, False), (401, False), (500, False)]
)
def test_refusals(status: int, *, again: bool) -> None:
    """Only what OTLP calls retryable may be taken later."""
    with receiving() as received:
        received.answers = [status]
        with pytest.raises(CollectorRefusedError, match=str(status)) as refused:
            Collector(received.url, {}, {}).take([LINE])
    assert refused.value.again is again


def test_nobody_there() -> None:
    """Where nobody listens the lines may be taken later, and the refusal does not show the address."""
    with pytest.raises(CollectorRefusedError) as refused:
        Collector("http://127.0.0.1:9/secret-path", {}, {}).take([LINE])
    assert refused.value.again
    assert "secret-path" not in str(refused.value)
