"""The machine: a clock that is aware, and randomness in the forms that ids need."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.system import SystemClock, SystemRandomness
from tests.fakes.clock import START

RANDOMNESS = SystemRandomness(SystemClock())


class StandingClock(SystemClock):
    """Tells the moment it was set to."""

    moment = START

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment


def test_the_clock_tells_utc() -> None:
    """The moment is aware, in UTC, and now."""
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("made", "form"),
    [
        (RANDOMNESS.account_id, r"[0-9a-z]{16}"),
        (RANDOMNESS.app_id, r"[0-9A-Za-z_-]{16}"),
        (RANDOMNESS.nonce, r"[0-9A-Za-z_-]{22}"),
        (RANDOMNESS.token, r"[0-9a-f]{64}"),
    ],
    ids=["account id", "app id", "nonce", "token"],
)
def test_ids_have_their_form(made: object, form: str) -> None:
    """Every kind of id has its length and letters, and no two are the same."""
    assert callable(made)
    ids = [made() for _ in range(200)]
    assert all(re.fullmatch(form, text) for text in ids)
    assert len(set(ids)) == 200


def test_application_ids_begin_with_their_moment() -> None:
    """An application's id begins with its millisecond, so that ids of different moments differ at the front."""
    clock = StandingClock()
    randomness = SystemRandomness(clock)
    first, twin = randomness.app_id(), randomness.app_id()
    clock.moment += timedelta(hours=1)
    later = randomness.app_id()
    assert first[:10] == twin[:10] != later[:10]
    assert first != twin


def test_fractions_are_chances() -> None:
    """A fraction is at least 0 and less than 1, and varies."""
    fractions = [RANDOMNESS.fraction() for _ in range(200)]
    assert all(0 <= fraction < 1 for fraction in fractions)
    assert len(set(fractions)) > 100
