"""Patience: what is waited in vain is taken off, and nothing else."""

from concurrent.futures import Future
from datetime import timedelta
from math import inf
from threading import Lock

import pytest

from shared.domain.errors import TryLater
from shared.patience import answered, holding, left, patience, waste


def test_without_patience_set_nothing_ends() -> None:
    """Work that nobody waits for may wait without end, however much came to nothing."""
    waste(1e9, "Storage")
    assert left() == inf


def test_waits_in_vain_add_up() -> None:
    """Each wait in vain leaves less for the next one; where nothing is left work ends, and tells the last of them."""
    with patience(timedelta(seconds=20)):
        waste(12, "The vault")
        assert left() == 8
        waste(8, "Storage")
        with pytest.raises(TryLater, match="Storage did not answer"):
            left()
    assert left() == inf


def test_a_lock_is_not_waited_for_without_end() -> None:
    """Whoever has patience gives up a lock that another thread keeps; one that is free is held, and let go."""
    lock = Lock()
    with patience(timedelta(milliseconds=10)):
        with holding(lock, "Storage"):
            assert lock.locked()
        with lock, pytest.raises(TryLater, match="Storage"), holding(lock, "Storage"):
            pass
    assert not lock.locked()


def test_an_answer_that_others_wait_for_is_not_waited_for_without_end() -> None:
    """Whoever has patience gives up what somebody else asked for; an answer is taken as it is, a failure too."""
    silent: Future[str] = Future()
    with patience(timedelta(milliseconds=10)), pytest.raises(TryLater, match="The vault did not answer"):
        answered(silent, "The vault")
    silent.set_exception(TimeoutError("Theirs."))
    with patience(timedelta(seconds=1)), pytest.raises(TimeoutError, match="Theirs"):
        answered(silent, "The vault")
    ready: Future[str] = Future()
    ready.set_result("secret")
    assert answered(ready, "The vault") == "secret"
