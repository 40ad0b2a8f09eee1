"""The report counts, and fails where a promise is broken."""

from collections import Counter

import pytest

from soak.ledger import Ledger
from soak.record import Record
from soak.report import report
from tests.faults.customer import Answer, Arrival, Customer

NOTHING = Record(deliveries={}, looks={}, deferred=Counter())


def arrival(message: str, *, identity: str = "", body: bytes = b"{}", problem: str | None = None) -> Arrival:
    """Return an accepted POST about a message that came at second 1."""
    data = {"id": message}
    return Arrival(3.0, identity or f"id-{message}", 1, "messageNew", "m0", data, body, problem, Answer())


@pytest.fixture
def ledger() -> Ledger:
    """Return a ledger with two arrivals, one of them hit by a fault."""
    ledger = Ledger()
    for message in ("one", "two"):
        ledger.happened("messageNew", "anna", message, 1)
    ledger.injected["lost"] = 1
    ledger.hit("lost", "two", 1)
    return ledger


def customer(*arrivals: Arrival) -> Customer:
    """Return a customer who got these."""
    return Customer("secret", 0, arrivals=list(arrivals))


def test_what_has_come_fails_nothing(ledger: Ledger) -> None:
    """A repetition under the same id with the same bytes, and an event that nobody wanted, break no promise."""
    counted = report(ledger, customer(arrival("one"), arrival("one"), arrival("two"), arrival("three")), NOTHING)
    assert (counted.failed, counted.other_ids, counted.extra) == (False, 0, {"messageNew": 1})
    rows = {line.split("  ")[0]: line.split() for line in counted.table.splitlines()}
    assert rows["lost"][1:] == ["1", "1", "1", "0", "0", "0", "2.0", "2.0", "0", "0", "0"]
    assert rows["all events"][-3:] == ["0", "1", "0"]


@pytest.mark.parametrize(
    "arrivals",
    [
        [arrival("one")],
        [arrival("one"), arrival("two", problem="The signature is wrong.")],
    ],
    ids=["lost", "forged"],
)
def test_a_broken_promise_fails(ledger: Ledger, arrivals: list[Arrival]) -> None:
    """An event that did not come and a wrong signature each fail the soak."""
    assert report(ledger, customer(*arrivals), NOTHING).failed


def test_other_ids_are_told(ledger: Ledger) -> None:
    """An event that came under two ids is counted, because no receiver could know them for one."""
    counted = report(ledger, customer(arrival("one"), arrival("one", identity="other"), arrival("two")), NOTHING)
    assert (counted.failed, counted.other_ids) == (False, 1)
