"""Patience: what is waited in vain is taken off, and nothing else."""

from datetime import timedelta
from math import inf
from threading import Lock

import pytest

from shared.domain.errors import TryLater
from shared.patience import holding, left, patience, waste


def test_without_patience_set_nothing_ends() -> None:
    """Work that nobody waits for may wait without end, however much came to nothing."""
    waste(1e9)
    assert left() == inf


def test_waits_in_vain_add_up() -> None:
    """Each wait in vain leaves less for the next one, and where nothing is left work ends."""
    with patience(timedelta(seconds=20)):
        waste(12)
        assert left() == 8
        waste(8)
        with pytest.raises(TryLater):
            left()
    assert left() == inf


def test_a_lock_is_not_waited_for_without_end() -> None:
    """Whoever has patience gives up a lock that another thread keeps; one that is free is held, and let go."""
    lock = Lock()
    with patience(timedelta(milliseconds=10)):
        with holding(lock):
            assert lock.locked()
        with lock, pytest.raises(TryLater), holding(lock):
            pass
    assert not lock.locked()
