"""Messages: values that nobody changes on the way."""

from dataclasses import FrozenInstanceError

import pytest

from shared.domain.messages import ContentRules
from tests.factories import a_message


def test_a_message_stays_as_it_was_read() -> None:
    """A message cannot be changed, so whatever is made from it agrees."""
    message = a_message()
    with pytest.raises(FrozenInstanceError):
        message.subject = "Other"  # type: ignore[misc]  # the mistake that the test is about
    assert message == a_message()


def test_rules_start_as_emailengines() -> None:
    """Unless somebody says otherwise an event holds text up to 2 MiB and no headers."""
    assert ContentRules() == ContentRules(text=True, text_bytes=2_097_152, headers=())
