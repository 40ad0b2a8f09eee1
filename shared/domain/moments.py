"""Moments as the API and the events spell them."""

from datetime import datetime


def iso(moment: datetime) -> str:
    """Returns an aware UTC moment as EmailEngine writes it: milliseconds and `Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
