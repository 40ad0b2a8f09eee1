"""Wherever a sidecar dies over a mailbox, and whatever happens there next, a customer comes to believe what is true."""

import pytest

from sidecar import book
from tests.faults.mailboxes import Server, search


def test_no_death_hides_a_change_or_invents_one() -> None:
    """Of each two things that happen to a message both are told, with a death before or after any step of telling."""
    lives, problems = search(2, most=1)
    assert problems == []
    assert lives > 600


def test_a_wrong_order_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who queues what he found before he saves its mirrors hides what happens to the same message meanwhile."""
    monkeypatch.setattr(book, "pack_untold", lambda _batch: None)
    _, problems = search(2, most=1, actions=(Server.arrive, Server.read, Server.move, Server.delete))
    pairs = {problem.partition(";")[0] for problem in problems}
    assert pairs == {
        *(f"arrive, {then}" for then in ("read", "move", "delete")),
        "read, read",
        *(f"move, {then}" for then in ("read", "move", "delete")),
    }
