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


def test_a_text_that_nobody_wants_is_hardly_read() -> None:
    """As much is read as base64 needs for what is told; of a text that stays at home, enough for a preview."""
    wanted = ContentRules(text_bytes=3000)
    assert wanted.encoded_bytes >= 3000 * 4 / 3 * 78 / 76
    assert ContentRules(text=False, text_bytes=10**9).encoded_bytes < 100_000
