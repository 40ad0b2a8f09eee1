"""The census: accounts by state and by subscription."""

from datetime import datetime, timedelta

from shared.domain.census import Counted, census
from tests.fakes.clock import START

DAY = timedelta(days=1)


def one(state: str, expires: datetime | None = None, *, polling: bool = False) -> Counted:
    """Return what is asked of an account."""
    return Counted(state, expires, polling)


def test_accounts_are_counted_by_state_and_subscription() -> None:
    """Each account is in one state and its subscription in one status; a deleted one has none."""
    taken = census(
        [
            one("connected", START + 5 * DAY),
            one("connected", START + 2 * DAY),
            one("connected", START - DAY),
            one("connected", polling=True),
            one("connected"),
            one("connecting"),
            one("init"),
            one("authenticationError"),
            one("connectError"),
            one("deleted", START - 9 * DAY),
            one("of a newer version"),
        ],
        START,
    )
    assert taken.states["connected"] == 5
    assert taken.subscriptions == {"valid": 2, "expired": 1, "failed": 1, "pending": 2, "unset": 4}
    assert (taken.accounts, taken.in_trouble) == (10, 2)


def test_a_renewal_is_late_a_day_before_the_end() -> None:
    """Connected accounts with less than a day left are late; those that cannot sign in are another matter."""
    soon = START + DAY - timedelta(seconds=1)
    taken = census([one("connected", soon), one("connected", START + DAY), one("authenticationError", START)], START)
    assert (taken.late, taken.soonest) == (1, soon)
    assert census([], START).soonest is None
