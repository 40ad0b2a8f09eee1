"""The due index: its entries, and how far the ticks have come."""

from datetime import timedelta

from shared.domain.due import Due, DueKind, Heartbeat
from tests.factories import an_account
from tests.fakes.clock import START


def test_an_entry_is_read_back() -> None:
    """An entry and the ticks' progress survive their way through JSON."""
    entry = Due(kind=DueKind.SWEEP, subject=an_account().key, at=START, incarnation="incarnation-1")
    assert Due.model_validate_json(entry.model_dump_json()) == entry
    assert Heartbeat.model_validate_json(Heartbeat(until=START).model_dump_json()).until == START


def test_a_claim_ends_by_itself() -> None:
    """A heartbeat is claimed up to its moment and not from then on; one without a claim is free."""
    claimed = Heartbeat(until=START, claimed=START + timedelta(minutes=2))
    assert [claimed.is_claimed(START + timedelta(minutes=minutes)) for minutes in (0, 1, 2)] == [True, True, False]
    assert not Heartbeat(until=START).is_claimed(START)
