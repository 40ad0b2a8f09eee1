"""Poison as the API shows it."""

from shared.domain.poison import view
from tests.contracts.poison import BODY, poisoned
from tests.fakes.clock import START


def test_a_message_is_shown_whole() -> None:
    """The view tells where a message failed, what it says, and what became of it."""
    shown = view(poisoned(1, requeued=START))
    assert shown == {
        "id": "1772443801000_0f6a0000-0000-4000-8000-000000000001",
        "queue": "jobs",
        "body": BODY,
        "takes": 1,
        "givenUp": "2026-03-02T09:30:01.000Z",
        "kept": "2026-03-02T09:31:00.000Z",
        "requeued": "2026-03-02T09:30:00.000Z",
    }
    assert view(poisoned(1))["requeued"] is None
