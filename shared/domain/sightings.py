"""
Sightings: what we last knew of a message, which is all that tells a move from an arrival and a change from an echo.

Kept by the day on which the message came, so that rows of many mailboxes share one transaction when they are written,
and one partition when they are purged.
"""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime

from shared.domain.messages import Message
from shared.domain.models import Owned


class Sighting(Owned):
    """
    A message's folder, flags and categories as an event last told them.

    It is `late` where the message may have been moved before it was noted: its arrival was told after it had been
    touched (and whoever told it before, and died, may have told it in another folder), or it was unknown and told as
    changed.
    """

    folder: str
    flags: tuple[str, ...]
    labels: tuple[str, ...]
    late: bool = False

    @classmethod
    def of(cls, message: Message) -> "Sighting":
        """Returns the sighting that *message* makes now."""
        return cls.model_construct(
            folder=message.folder, flags=tuple(sorted(message.flags)), labels=tuple(sorted(message.labels)), late=False
        )

    def shows(self, message: Message) -> bool:
        """Tells whether *message* is as it was told."""
        now = Sighting.of(message)
        return (self.folder, self.state) == (now.folder, now.state)

    @property
    def state(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What a `messageUpdated` is about."""
        return self.flags, self.labels


class SightingKey(Owned):
    """Where a sighting is kept: the day of the message's arrival, and a hash of the account and the message id."""

    day: str
    name: str


def sighting_key(account_key: str, message_id: str, received: datetime) -> SightingKey:
    """Returns where the sighting of *message_id* is kept; it never changes, since the moment of arrival does not."""
    digest = hashlib.sha256(f"{account_key}\n{message_id}".encode()).digest()[:18]
    return SightingKey.model_construct(day=received.strftime("%Y%m%d"), name=urlsafe_b64encode(digest).decode())
