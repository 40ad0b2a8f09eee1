"""The journal knows what is missing and how long the rest took."""

from typing import Any

import pytest

from local.receiver import Received
from local.stack.journal import Journal, Key
from local.stack.mail import DELIVERED_AT

AT = 1_795_225_596.75


def received(
    event: str, *, identity: str = "event-1", problem: str | None = None, path: str | None = None, **data: Any
) -> Received:
    """Returns a webhook of the account `help`."""
    placed = {"path": path} if path else {}
    return Received(AT, identity, {"account": "help", "event": event, "data": data, **placed}, problem)


@pytest.fixture
def told() -> list[str]:
    """Returns what was said."""
    return []


@pytest.fixture
def journal(told: list[str]) -> Journal:
    """Returns an empty journal."""
    return Journal(told.append)


def test_everything_came(journal: Journal) -> None:
    """Nothing fails when each expected webhook has come and verified, each by its own name and message."""
    journal.expect(Key("accountAdded", "help"), "help@contoso.example")
    journal.expect(Key("messageNew", "help", "<1@sender.example>"), "Hello")
    journal.expect(Key("messageDeleted", "help", "AAk1"), "Hello")
    journal.arrived(received("accountAdded"))
    journal.arrived(received("messageNew", id="AAk1", messageId="<1@sender.example>"))
    assert not journal.wait(0)
    journal.arrived(received("messageDeleted", id="AAk1"))
    assert journal.wait(0)
    assert journal.failings() == []


def test_missing_webhook_is_named(journal: Journal) -> None:
    """A webhook that did not come is named by its event, its account and what a person calls it."""
    journal.expect(Key("messageNew", "help", "<1@sender.example>"), "Hello")
    journal.arrived(received("messageNew", messageId="<2@sender.example>"))
    assert journal.failings() == ["missing: messageNew of help Hello"]


def test_forged_webhook_does_not_count(journal: Journal, told: list[str]) -> None:
    """A webhook whose signatures are wrong is missing still, and said to be refused."""
    journal.expect(Key("accountAdded", "help"), "")
    journal.arrived(received("accountAdded", problem="no match"))
    assert journal.failings() == [
        "missing: accountAdded of help",
        "not verified: accountAdded of help: no match",
    ]
    assert told[0].endswith("REFUSED (no match)")


def test_a_repetition_is_told_as_one(journal: Journal, told: list[str]) -> None:
    """A webhook that comes a second time under its id is said to come again; another one is not."""
    for webhook in (received("accountAdded"), received("accountAdded"), received("accountAdded", identity="event-2")):
        journal.arrived(webhook)
    assert [line.rpartition("  ")[2] for line in told] == ["verified", "verified, again", "verified"]


def test_latency_is_told_from_the_stamp(journal: Journal, told: list[str]) -> None:
    """A message that carries its moment of delivery has its latency told, whichever process delivered it."""
    stamp = {DELIVERED_AT.lower(): [f"{AT - 0.25:.3f}"]}
    journal.arrived(received("messageNew", path="Inbox", subject="Hello", messageId="<1@s>", headers=stamp))
    assert "Inbox: Hello" in told[0]
    assert "  250 ms  verified" in told[0]


def test_mail_of_others_has_no_latency(journal: Journal, told: list[str]) -> None:
    """A webhook whose cause nobody noted is told without a latency."""
    journal.arrived(received("messageUpdated", path="Inbox", id="AAk1"))
    assert " ms " not in told[0]
