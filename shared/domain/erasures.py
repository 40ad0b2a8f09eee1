"""
Erasures: everything that is kept of an account goes, page by page.

An erasure is its own checkpoint: its message says where the next part begins. One pass is not enough, since whoever was
at work when the account was removed may write after it. So passes follow each other until one finds nothing, an hour or
more after the erasure was asked for.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.domain.accounts import Account, account_key
from shared.domain.models import Carried

# No function lives for longer, so whoever was at work when the account was removed has written by then.
_LATE = timedelta(hours=1)
# A removed account's own webhook is kept for 5 days, and the retries of `accountDeleted` are over before.
_FAREWELL = timedelta(days=5, hours=2)
_LATER = timedelta(days=1)


class TraceKind(StrEnum):
    """Where an account leaves traces by the month, in the order in which they go; the name is the tables' too."""

    DELIVERIES = "deliveries"
    PAYLOADS = "payloads"
    SIGHTINGS = "sightings"


_FOLLOWING = dict(zip(TraceKind, (*list(TraceKind)[1:], None), strict=True))


@dataclass(frozen=True, slots=True)
class Trace:
    """
    A row that tells of an account, at a `place` that only its store understands.

    Of a delivery and a payload `learned` says when we heard of what it tells, of a sighting `owner` whose it is.
    `farewell` is the account's `accountDeleted` while it is not delivered.
    """

    place: tuple[str, ...]
    etag: str
    learned: datetime | None = None
    owner: str | None = None
    farewell: bool = False


class Erasure(Carried):
    """
    What is left of an erasure of the account with the id `account`, which was `asked` for at a moment.

    The pass that was `begun` goes on with `kind` at `position`, or is at its end without one; it has removed so many
    of each, and `left` others.
    """

    account: str
    asked: datetime
    begun: datetime
    kind: TraceKind | None = TraceKind.DELIVERIES
    position: dict[str, str] | None = None
    deliveries: int = 0
    payloads: int = 0
    sightings: int = 0
    poison: int = 0
    left: int = 0

    @property
    def subject(self) -> str:
        """What names the account in rows and messages."""
        return account_key(self.account)

    def concerns(self, trace: Trace, living: Account | None) -> bool:
        """Tells whether *trace* goes: what the account may have brought that is *living* under the id by now, stays."""
        if trace.owner is not None:
            return living is None or trace.owner != living.registration
        return trace.learned is None or trace.learned <= (self.asked if living else self.asked + _LATE)

    def spares(self, trace: Trace, now: datetime) -> bool:
        """Tells whether *trace* may stay for now, because it tells a webhook of the account's end."""
        return trace.farewell and now < self.asked + _FAREWELL

    def after(self, position: dict[str, str] | None, *, removed: int, left: int) -> "Erasure":
        """Returns the erasure after a page that ended at *position*."""
        kind = self.kind
        update: dict[str, Any] = {"position": position, "left": self.left + left}
        if kind is not None:
            update[kind.value] = getattr(self, kind.value) + removed
            if position is None:
                update["kind"] = _FOLLOWING[kind]
        return self.model_copy(update=update)

    def again(self, now: datetime, *, remains: bool) -> "tuple[Erasure, timedelta] | None":
        """
        Returns the next pass and how long it waits; None where this one, which is at its end, was the last.

        *remains* says that the removed account still has its row.
        """
        found = self.deliveries + self.payloads + self.sightings + self.poison
        if found or self.begun < self.asked + _LATE:
            wait = _LATE
        elif self.left or remains:
            wait = max(self.asked + _FAREWELL - now, _LATER)
        else:
            return None
        return Erasure(account=self.account, asked=self.asked, begun=now + wait), wait


def without(body: str, subject: str) -> str | None:
    """Returns the *body* of a queue message without what names *subject*; None where nothing else is in it."""
    if subject not in body:
        return body
    try:
        held = json.loads(body)
    except ValueError:
        return None
    if not isinstance(held, dict):
        return None
    rest = {name: _others(value, subject) for name, value in held.items()}
    if _names(rest, subject) or not any(value for value in rest.values() if isinstance(value, list)):
        return None
    return json.dumps(rest, separators=(",", ":"), ensure_ascii=False)


def _others(value: Any, subject: str) -> Any:
    return [each for each in value if not _names(each, subject)] if isinstance(value, list) else value


def _names(value: Any, subject: str) -> bool:
    # A key is 26 letters and digits of a hash, which no other text holds by chance and no encoding changes.
    return subject in json.dumps(value)
