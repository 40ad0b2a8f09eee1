"""Moments as the API and the events spell them."""

from datetime import datetime


def iso(moment: datetime) -> str:
    """Returns an aware UTC moment as EmailEngine writes it: milliseconds and `Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day_of(moment: datetime) -> datetime:
    """Returns the beginning of the day in which *moment* is."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
