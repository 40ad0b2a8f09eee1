"""The model: what a load costs, computed by hand beside it."""

from collections.abc import Callable
from math import exp, inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from infra.costs import deployed
from infra.costs.inputs import Figures, figures, prices
from infra.costs.load import Load
from infra.costs.model import Line, TooFull, bill

DAYS = 365 / 12
SECONDS = DAYS * 86_400
# What only decides how many mailboxes the sidecar holds, and what only rates stand on.
UNPAID = {
    "mailbox_kilobytes",
    "mailbox_messages",
    "message_bytes",
    "replica_megabytes",
    "sidecar_memory_use",
    "reads_per_call",
}
LARGE = {
    "accounts": 50_000,
    "always_ready_changes": 1,
    "delegated": 0.02,
    "sidecars": 2,
    "private": True,
    "nat": True,
    "log_days": 200,
}

# 1,000 mailboxes with 36 events a day in 10 hours: one a second. Half of the mailboxes are the sidecar's.
BY_HAND = Load(
    accounts=1000, delegated=0.5, events=36, text=1.5, sidecars=1, private=True, nat=True, log_days=121, memory=4096
)
EVENTS = 36_000 * DAYS
SWEEPS = 500 * 72 * DAYS
# Of half an event a second come two POSTs each, which share puts: 1 / (1 + 1 * 1). The sidecar puts one each.
MESSAGES = (0.5 + 0.5) * 36_000 * DAYS
# A tick finds the sweeps and renewals of 5 minutes.
JOBS = (SWEEPS + 500 * DAYS / 5) / 20
TIMED = 389 * DAYS
BUSY = 10 / 24 * SECONDS


def alive(rate: float, lasts: float) -> float:
    """Return in which share of the time one instance has something that comes so often and lasts so long."""
    return 1 - exp(-rate * lasts)


EXPECTED = {
    "always ready: waiting": SECONDS * 4,
    "always ready: executing": BUSY * alive(1, 2) * 4,
    "always ready: executions": 36_000 * DAYS,
    "on demand: executing": 4
    * (
        BUSY * alive(1, 3)
        + BUSY * alive(0.1, 2)
        + SECONDS * alive(JOBS / SECONDS, 20 * 0.5)
        + SECONDS * alive(389 / 86_400, 2)
    ),
    "on demand: executions": MESSAGES + 0.1 * EVENTS + JOBS + TIMED,
    "queues: puts, deletions": 2 * (MESSAGES + 0.1 * EVENTS + JOBS) / 1e4,
    "queues: looks": (
        (MESSAGES + 0.1 * EVENTS + JOBS)
        + 0.5 * (BUSY * alive(1, 3 + 7) + BUSY * alive(0.1, 1 + 7) + SECONDS * alive(JOBS / SECONDS, 10 + 7))
        + 3 * SECONDS / 4
    )
    / 1e4,
    "tables: events": (3 * EVENTS + 5 * MESSAGES + 4 * 0.1 * EVENTS + EVENTS / 2) / 1e4,
    "tables: sweeps, renewals, timer": (2 * SWEEPS + 6 * 500 * DAYS / 5 + 3 * 288 * DAYS) / 1e4,
    "tables: sidecar": (2 * SECONDS / 5 + 7 * EVENTS / 2) / 1e4,
    # 40 days kept, 7 of leeway, 13 until the month's end.
    "tables: kept": (36_000 * 60 * (1000 + 2000) + 18_000 * 60 * 100 + 1000 * 5000) / 1e9,
    "secrets read": (
        (BUSY * alive(1, 3 + 7) + BUSY * alive(0.1, 1 + 7) + SECONDS * alive(JOBS / SECONDS, 10 + 7)) / 300 * 3
        + 500 * DAYS * 24
    )
    / 1e4,
    "our lines of events": (36_000 * DAYS * 300 + MESSAGES * 400 + 1.1 * EVENTS * 500) / 1e9,
    "our lines of sweeps": (JOBS * 250 + 0.02 * SWEEPS * 300) / 1e9,
    "alerts, 5 minutes apart": 2,
    "processors": SECONDS / 2,
    "memory": SECONDS,
    "registry, private": DAYS,
    "posted to webhooks": 1.1 * EVENTS * 2500 / 1e9,
    "private endpoints": 5 * 730,
    "through private endpoints": 1.1 * EVENTS * 2500 / 1e9,
    "private zones": 6,
    "the sidecar's load balancer": 730,
    "the sidecar's address": 730,
    "NAT gateway": 730,
    "its address": 730,
    "through the NAT gateway": 1.1 * EVENTS * 2500 / 1e9,
}


@pytest.fixture
def by_hand(with_values: Callable[..., Figures], monkeypatch: pytest.MonkeyPatch) -> dict[str, Line]:
    """Return the lines of the load that is computed by hand, of figures that are easy to compute with."""
    monkeypatch.setattr("infra.costs.streams.timer_runs", lambda: 389)
    monkeypatch.setattr("infra.costs.logs.is_told_of", lambda function: function == "changes")
    monkeypatch.setattr("infra.costs.logs.sampling", lambda: (inf, frozenset()))
    monkeypatch.setattr("infra.costs.model.alerts", lambda: {5: 2})
    simple = with_values(
        busy_hours=10, notifications_per_event=2, notifications_per_post=1, gathering_seconds=1, post_seconds=2,
        post_cpu_ms=1, message_seconds=3, event_cpu_ms=4, looked_again_share=0, retry_share=0.1, retry_seconds=1,
        job_seconds=0.5, jobs_per_message=20, sweep_cpu_ms=10, renewal_days=5, tick_minutes=5,
        shortest_billed_seconds=2, messages_at_a_time=24, posts_at_a_time=16, processor_use=1, linger_seconds=7,
        polls_per_second=0.5, scale_polls_per_second=0.25, message_requests=5, event_requests=3, retry_requests=4,
        sweep_requests=2, renewal_requests=6, tick_requests=3, beat_seconds=5, beat_requests=2, mirror_requests=7,
        secrets_per_instance=3, secret_minutes=5, grant_reads_per_day=24, account_bytes=5000, delivery_bytes=1000,
        payload_bytes=500, sighting_bytes=100, leeway_days=7, month_end_days=13, post_line_bytes=100,
        batch_line_bytes=200, attempt_line_bytes=300, sweeps_line_bytes=50, look_line_bytes=100, found_share=0.02,
        line_envelope_bytes=200,
        request_record_bytes=1000, host_lines=2, host_line_bytes=500, vault_audit_bytes=1500, free_log_days=60,
        request_bytes=500, private_parts=4, sighting_touches=2,
    )  # fmt: skip
    return {line.what: line for line in bill(BY_HAND, prices(), simple)}


@pytest.mark.parametrize("what", EXPECTED)
def test_a_line_is_what_a_hand_computes(by_hand: dict[str, Line], what: str) -> None:
    """The quantity of a line is what its figures make."""
    assert by_hand[what].quantity == pytest.approx(EXPECTED[what])


def test_what_the_platform_records(by_hand: dict[str, Line]) -> None:
    """Each execution is a record, and two lines of the host where host.json lets it speak; secrets read are audited."""
    executions = 36_000 * DAYS + MESSAGES + 0.1 * EVENTS + JOBS + TIMED
    recorded = executions * 1000 + MESSAGES * 2 * 500 + by_hand["secrets read"].quantity * 1e4 * 1500
    assert by_hand["the platform's records"].quantity == pytest.approx(recorded / 1e9)
    lines = sum(
        by_hand[what].quantity for what in ("our lines of events", "our lines of sweeps", "the platform's records")
    )
    assert by_hand["kept longer than is free"].quantity == pytest.approx(lines * 61 / DAYS)


@pytest.mark.parametrize(
    ("excluded", "of_posts", "of_changes"), [((), 5, 20 / 3), (("Request",), 10, 10), (("Request", "Trace"), 80, 160)]
)
def test_an_instance_sends_so_many_items(
    with_values: Callable[..., Figures],
    monkeypatch: pytest.MonkeyPatch,
    excluded: tuple[str, ...],
    of_posts: float,
    of_changes: float,
) -> None:
    """
    An instance that has more to tell than host.json allows sends its share of each, but all of excluded types.

    80 events a second: for each a POST tells a line and a record, and `changes` two lines and a record; 10 may go.
    """
    monkeypatch.setattr("infra.costs.logs.is_told_of", lambda _: False)
    monkeypatch.setattr("infra.costs.logs.sampling", lambda: (10, frozenset(excluded)))
    known = with_values(
        busy_hours=24, notifications_per_event=1, gathering_seconds=0, looked_again_share=0, retry_share=0,
        post_line_bytes=300, batch_line_bytes=0, attempt_line_bytes=0, line_envelope_bytes=700,
        processor_use=1e9, posts_at_a_time=1e9, messages_at_a_time=1e9,
    )  # fmt: skip
    lines = {line.what: line.quantity for line in bill(Load(accounts=80, events=86_400), prices(), known)}
    assert lines["our lines of events"] == pytest.approx((of_posts * 1000 + of_changes * 700) * SECONDS / 1e9)


def test_every_line_is_computed_by_hand(by_hand: dict[str, Line]) -> None:
    """No line is left out of the computation."""
    assert set(by_hand) == EXPECTED.keys() | {"the platform's records", "kept longer than is free"}


def test_a_cost_is_quantity_less_what_is_free() -> None:
    """What is free of a price is free once, however many lines have it."""
    lines = {line.what: line for line in bill(Load(accounts=10_000), prices(), figures())}
    logs = [line for line in lines.values() if line.price == "logs"]
    assert sum(line.cost for line in logs) == pytest.approx((sum(line.quantity for line in logs) - 5) * 2.30)
    assert lines["on demand: executions"].cost == pytest.approx(
        (lines["on demand: executions"].quantity - 250_000) * 0.4e-6
    )
    assert lines["posted to webhooks"].cost == 0


def test_nothing_costs_only_what_waits() -> None:
    """Without mailboxes only what waits costs: the instance, the platform's looks at queues, the timers, the alerts."""
    lines = bill(Load(accounts=0), prices(), figures())
    assert {line.what for line in lines if line.cost >= 0.01} == {
        "always ready: waiting",
        "queues: looks",
        *(f"alerts, {minutes} minutes apart" for minutes in deployed.alerts()),
    }
    assert sum(line.cost for line in bill(Load(accounts=0, always_ready=0), prices(), figures())) < 10


@settings(max_examples=12)
@given(less=some.integers(0, 3_000_000), more=some.integers(0, 3_000_000), memory=some.sampled_from([512, 2048, 4096]))
def test_more_mailboxes_cost_more(less: int, more: int, memory: int) -> None:
    """No line falls when mailboxes are added."""
    before, after = (
        quantities(Load.model_validate({"accounts": accounts, "memory": memory})) for accounts in sorted((less, more))
    )
    assert_grown(before, after)


@settings(max_examples=12)
@given(less=some.floats(0, 500), more=some.floats(0, 500))
def test_more_events_cost_more(less: float, more: float) -> None:
    """No line falls when there are more events."""
    before, after = (quantities(Load(accounts=20_000, events=events)) for events in sorted((less, more)))
    assert_grown(before, after)


def test_an_instance_may_wait_for_changes() -> None:
    """An instance that waits for changes is paid for like one that waits for POSTs, and takes what it can execute."""
    without, having = (
        {line.what: line for line in bill(Load(accounts=1000, always_ready_changes=ready), prices(), figures())}
        for ready in (0, 1)
    )
    assert having["always ready: waiting"].quantity == 2 * without["always ready: waiting"].quantity
    moved = having["always ready: executing"].quantity - without["always ready: executing"].quantity
    assert (
        0 < moved == pytest.approx(without["on demand: executing"].quantity - having["on demand: executing"].quantity)
    )


def test_cells_cost_what_each_waits_for() -> None:
    """Ten deployments for the same mailboxes wait tenfold, and get what is free once."""
    one, ten = (
        {line.what: line for line in bill(Load(accounts=100_000, cells=cells), prices(), figures())}
        for cells in (1, 10)
    )
    assert ten["always ready: waiting"].quantity == 10 * one["always ready: waiting"].quantity
    assert ten["tables: kept"].quantity == pytest.approx(one["tables: kept"].quantity)
    assert sum(line.free for line in ten.values() if line.price == "logs") == pytest.approx(5)


def test_a_line_stands_on_what_it_names(with_values: Callable[..., Figures]) -> None:
    """A figure that a line does not name leaves it as it is, and every figure is named by some line."""
    load = Load.model_validate(LARGE)
    known = {line.what: line for line in bill(load, prices(), figures())}
    for name in Figures.model_fields:
        moved = set()
        for factor in (1 / 40, 40):
            changed = with_values(**{name: getattr(figures(), name).value * factor})
            lines = bill(load, prices(), changed) if name not in UNPAID else known.values()
            moved |= {line.what for line in lines if line.quantity != known[line.what].quantity}
        assert moved <= {what for what, line in known.items() if name in line.stands_on}, name
        assert moved or name in UNPAID, name


def test_a_full_sidecar_is_refused() -> None:
    """More of users' mailboxes than the replicas hold is an error that says how many these hold."""
    with pytest.raises(TooFull, match=r"--sidecars: 9,000 mailboxes .* which hold 3,"):
        bill(Load(accounts=9000, delegated=1, sidecars=1), prices(), figures())
    assert bill(Load(accounts=9000, delegated=1, sidecars=3), prices(), figures())


def quantities(load: Load) -> dict[str, float]:
    """Return each line's quantity; what takes the place of each other is added up."""
    lines: dict[str, float] = {}
    for line in bill(load, prices(), figures()):
        what = line.what.replace("always ready: exec", "exec").replace("on demand: exec", "exec")
        # Where an instance may send no more, one sort of line takes the place of another.
        what = "logs" if line.price == "logs" else what
        lines[what] = lines.get(what, 0) + line.quantity
    return lines


def assert_grown(before: dict[str, float], after: dict[str, float]) -> None:
    """Assert that no line has become less, but for rounding."""
    assert {what: (was, after.get(what)) for what, was in before.items() if after.get(what, 0) < was * (1 - 1e-9)} == {}
