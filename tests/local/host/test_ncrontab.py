"""When an NCRONTAB expression fires next."""

from datetime import UTC, datetime

import pytest

from local.host import ncrontab


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("0 */5 * * * *", "2026-01-01 00:00:00", "2026-01-01 00:05:00"),
        ("*/15 * * * * *", "2026-01-01 00:00:46", "2026-01-01 00:01:00"),
        ("*/5 * * * *", "2026-01-01 00:04:59", "2026-01-01 00:05:00"),
        ("0 0 3 * * mon-fri", "2026-01-02 03:00:00", "2026-01-05 03:00:00"),
        ("0 30 9 * Jan,jul *", "2026-01-31 10:00:00", "2026-07-01 09:30:00"),
        ("0 5/20 8-9 * * *", "2026-01-01 08:45:00", "2026-01-01 09:05:00"),
        ("0 0 0 29 2 *", "2026-01-01 00:00:00", "2028-02-29 00:00:00"),
        ("0 0 0 13 * fri", "2026-01-01 00:00:00", "2026-02-13 00:00:00"),
        ("59 59 23 31 12 *", "2026-12-31 23:59:59", "2027-12-31 23:59:59"),
    ],
)
def test_next_after(text: str, after: str, expected: str) -> None:
    """A schedule fires at the first moment that fits all its fields."""
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert ncrontab.parse(text).next_after(moment) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["* * * *", "60 * * * * *", "0 0 24 * * *", "0 0 0 * * someday", "0 */0 * * * *"])
def test_refused(text: str) -> None:
    """An expression that the host could not run is a ValueError."""
    with pytest.raises(ValueError, match=r"is no|has \d fields"):
        ncrontab.parse(text)


def test_never() -> None:
    """A day that does not exist is said to never come."""
    with pytest.raises(ValueError, match="never fires"):
        ncrontab.parse("0 0 0 30 2 *").next_after(datetime(2026, 1, 1, tzinfo=UTC))
