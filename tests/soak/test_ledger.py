"""The ledger knows what a fault has hit."""

from soak.ledger import Ledger


def hits(ledger: Ledger) -> dict[str, set[str]]:
    """Return the faults of each event."""
    return {each.event: each.hits for each in ledger.all()}


def test_a_fault_hits_what_is_under_way() -> None:
    """A fault of the whole relay hits what was not accepted when it began, and what happens until it ends."""
    ledger = Ledger()
    for message in ("accepted", "waiting"):
        ledger.happened("messageNew", "anna", message, 1)
    ledger.begin("killed", {("messageNew", "accepted")})
    ledger.happened("messageNew", "anna", "meanwhile", 2)
    ledger.end("killed")
    ledger.happened("messageNew", "anna", "after", 3)
    assert {each.message for each in ledger.all() if "killed" in each.hits} == {"waiting", "meanwhile"}


def test_a_fault_hits_the_last_that_happened() -> None:
    """A fault of one message belongs to what had last happened to it."""
    ledger = Ledger()
    ledger.happened("messageNew", "anna", "one", 1)
    ledger.happened("messageMoved", "anna", "one", 5)
    ledger.hit("lost", "one", 1.01)
    ledger.hit("delayed", "one", 6)
    ledger.hit("lost", "unknown", 6)
    assert hits(ledger) == {"messageNew": {"lost"}, "messageMoved": {"delayed"}}


def test_a_gap_is_one_mailbox_only() -> None:
    """What happens in a mailbox without a subscription is hit until it is watched again, and in no other."""
    ledger = Ledger()
    ledger.open_gap("removed", "anna")
    ledger.happened("messageNew", "anna", "one", 1)
    ledger.happened("messageNew", "bert", "two", 1)
    ledger.close_gaps({"anna", "bert"})
    ledger.happened("messageNew", "anna", "three", 2)
    assert {each.message for each in ledger.all() if each.hits} == {"one"}
