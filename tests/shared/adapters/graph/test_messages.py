"""A message's JSON becomes our message."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import process_time
from typing import Any

import pytest

from local.m365 import samples
from shared.adapters.graph.errors import Answer
from shared.adapters.graph.messages import message_of, message_path
from shared.adapters.graph.reader import GraphMessages
from shared.adapters.graph.slots import Slots
from shared.adapters.system import SystemClock
from shared.domain.messages import Address, Body, Message
from shared.ports.microsoft365 import ReadRequest

Sample = Callable[[str], Answer]


def test_a_whole_message(sample: Sample) -> None:
    """Every field of a message finds its place; content ids lose their brackets, headers keep their order."""
    message = message_of(sample("message").body)
    assert message.received == datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC)
    assert message.flags == {"\\Seen", "\\Flagged"}
    assert message.labels == ("Red category",)
    assert message.author == Address("Jüri Õun", "juri@sender.example")
    assert message.sender == Address("Assistant", "assistant@sender.example")
    assert message.cc == (Address("", "cc@contoso.example"),)
    assert message.body == Body("html", "<html><body>Tere</body></html>")
    assert message.headers["received"] == ("from b", "from a")
    picture, item = message.attachments
    assert (picture.content_id, picture.inline, picture.content_type) == ("logo@sender.example", True, "image/png")
    assert (item.content_id, item.content_type, item.filename) == (None, "message/rfc822", "Fwd")


def test_a_draft_was_received_by_nobody(sample: Sample) -> None:
    """A draft counts as received when it was created, and lacks sender, subject and Message-ID without harm."""
    message = message_of(sample("draft").body)
    assert message.received == message.created
    assert "\\Draft" in message.flags
    assert (message.author, message.subject, message.internet_message_id, message.headers) == (None, "", None, {})


def test_an_invitation_is_a_message(sample: Sample) -> None:
    """Null fields, a group without address and fractions of seconds are read; an empty recipient is none."""
    message = message_of(sample("invitation").body)
    assert message.to == (Address("undisclosed-recipients", ""), Address("Everybody", ""))
    assert (message.body, message.labels, message.flags) == (None, (), frozenset())
    assert message.received.microsecond == 123456


@pytest.mark.parametrize(
    ("user", "path"),
    [
        ("ada@contoso.example", "/users/ada@contoso.example/messages/AA-_=?"),
        ("guest_x#EXT#@contoso.example", "/users/guest_x%23EXT%23@contoso.example/messages/AA-_=?"),
    ],
)
def test_the_mailbox_is_encoded_into_the_path(user: str, path: str) -> None:
    """A guest's UPN does not end the path at its number sign."""
    assert message_path(user, "AA-_=", complete=False).startswith(path)


def test_odd_mail_is_read(tenant: Any) -> None:
    """Every sample of odd mail that the simulated Microsoft 365 keeps is read, by both depths of reading."""
    ids = [tenant.m365.deliver(tenant.mailbox.id, mime) for mime in samples.everything().values()]
    asks = [ReadRequest(tenant.app, "ada@contoso.example", one, depth) for one in ids for depth in (True, False)]
    readings = GraphMessages(tenant.client, SystemClock(), Slots()).read(asks)
    assert [reading.id for reading in readings if isinstance(reading, Message)] == [ask.message for ask in asks]


def test_reading_costs_little(sample: Sample) -> None:
    """A message takes well under a millisecond of the one core that everything shares."""
    body = sample("message").body
    began = process_time()
    for _ in range(1000):
        message_of(body)
    assert process_time() - began < 0.5
