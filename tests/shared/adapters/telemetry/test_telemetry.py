"""Telemetry: nobody waits for it, and nothing grows because of it."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Event, Thread, current_thread

import pytest

from shared.adapters.telemetry import telemetry as module
from shared.adapters.telemetry.collector import Collector, CollectorRefusedError
from shared.adapters.telemetry.otlp import Line
from shared.adapters.telemetry.telemetry import Takes, Telemetry
from tests.fakes.clock import FakeClock
from tests.fakes.log import FakeLog
from tests.shared.adapters.telemetry.receiver import Received, receiving

AT_ONCE = timedelta(milliseconds=5)


class Stuck:
    """Takes what it is given and does not come back until it may; then it refuses as often as it is told to."""

    def __init__(self, refusals: int = 0, *, again: bool = True) -> None:
        self.let_go = Event()
        self.taken: list[list[str]] = []
        self._refusals = refusals
        self._again = again

    def take(self, lines: Sequence[Line]) -> None:
        """Take them when it is time."""
        self.taken.append([line.name for line in lines])
        assert self.let_go.wait(60)
        if self._refusals:
            self._refusals -= 1
            raise CollectorRefusedError("HTTP 503", again=self._again)


class Told(FakeLog):
    """A log that knows who told it of problems."""

    def __init__(self) -> None:
        super().__init__()
        self.tellers: list[Thread] = []

    def problem(self, name: str, **fields: object) -> None:
        """Keep a problem."""
        self.tellers.append(current_thread())
        super().problem(name, **fields)


@pytest.fixture(autouse=True)
def patient_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the last words of a process wait for a machine that takes its time."""
    monkeypatch.setattr(module, "_LAST_WORDS", timedelta(minutes=1))


def to(received: Received) -> Callable[[], Takes]:
    """Return the way to a collector."""
    return lambda: Collector(received.url, {}, {"service.name": "relay365"})


def test_lines_reach_the_collector() -> None:
    """Events and problems come as they were told, in their order, and what took time as a span too."""
    with receiving() as received:
        telemetry = Telemetry(to(received), FakeClock(), FakeLog(), pace=AT_ONCE)
        telemetry.event("changes.expanded", correlation="c1", milliseconds=12)
        telemetry.problem("webhook.disabled", webhook="default")
        received.wait(2)
        telemetry.close()
    assert [(each.event_name, each.severity_text) for each in received.records] == [
        ("changes.expanded", "INFO"),
        ("webhook.disabled", "WARN"),
    ]
    assert [each.name for each in received.spans] == ["changes.expanded"]


def test_the_last_words_are_sent() -> None:
    """What was told just before the end arrives, without the wait for company."""
    with receiving() as received:
        telemetry = Telemetry(to(received), FakeClock(), FakeLog(), pace=timedelta(hours=1))
        telemetry.event("sidecar.ended")
        telemetry.close()
        assert [each.event_name for each in received.records] == ["sidecar.ended"]


def test_a_collector_that_hangs_holds_up_nobody() -> None:
    """While the collector does not answer, lines cost no wait; memory is bounded, and the oldest go first."""
    stuck, log = Stuck(), FakeLog()
    telemetry = Telemetry(lambda: stuck, FakeClock(), log, pace=AT_ONCE)
    began = time.perf_counter()
    for number in range(module._KEPT * 2):
        telemetry.event(f"line.{number}")
    assert time.perf_counter() - began < 30
    assert len(telemetry._lines) <= module._KEPT
    assert telemetry._lines[-1].name == f"line.{module._KEPT * 2 - 1}"
    stuck.let_go.set()
    telemetry.close()


@pytest.mark.parametrize(("again", "lost"), [(True, 0), (False, 1)])
def test_what_is_refused_is_tried_again(monkeypatch: pytest.MonkeyPatch, *, again: bool, lost: int) -> None:
    """A batch that may be taken later is offered again, another one is given up; the log hears of it, once."""
    monkeypatch.setattr(module, "_WAITS", (timedelta(), timedelta()))
    stuck, log = Stuck(refusals=2, again=again), FakeLog()
    stuck.let_go.set()
    telemetry = Telemetry(lambda: stuck, FakeClock(), log, pace=AT_ONCE)
    telemetry.event("changes.expanded")
    deadline = time.monotonic() + 60
    while len(stuck.taken) < (3 if again else 1) and time.monotonic() < deadline:
        time.sleep(0.002)
    telemetry.close()
    assert stuck.taken == [["changes.expanded"]] * (3 if again else 1)
    assert log.named("telemetry.failed") == [{"error": "CollectorRefusedError: HTTP 503", "lost": lost}]


def test_an_outage_ends_in_giving_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that nobody takes is given up after the last wait; what is told then is taken, and its teller says so."""
    monkeypatch.setattr(module, "_WAITS", (timedelta(),))
    stuck, clock, log = Stuck(refusals=2), FakeClock(), Told()
    stuck.let_go.set()
    telemetry = Telemetry(lambda: stuck, clock, log, pace=AT_ONCE)
    telemetry.event("first")
    deadline = time.monotonic() + 60
    while len(stuck.taken) < 2 and time.monotonic() < deadline:
        time.sleep(0.002)
    telemetry.event("second")
    assert len(log.named("telemetry.failed")) == 1
    telemetry.close()
    assert stuck.taken == [["first"], ["first"], ["second"]]
    assert log.tellers == [current_thread()]
