"""
Deliveries: one event for one webhook, from its first attempt to its end.

Theory of the states. A delivery is born with its first attempt already made (the event's queue message guards it until
then). `retrying` always has a message in the queue `retries`; the other states need none, and
only one that somebody asked for (resend, replay) takes them back to `retrying`:

    delivered   a 2xx came back
    retrying    something else came back, and `next_attempt` is when we ask again
    parked      the webhook is disabled; nothing is attempted until somebody enables it
    failed      the schedule is at its end
    discarded   nobody is there to deliver to (no URL is set, or the account and its webhook are gone)

What leads from one to the other, and what must happen in the world meanwhile, stands in `shared/domain/attempts.py`.
"""

import re
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from shared.domain.events import EventName
from shared.domain.fields import Between
from shared.domain.models import ApiModel, Carried, OrNewer, Owned
from shared.domain.moments import iso

JITTER = 0.2
GONE_REASON = "The endpoint answered 410 Gone and was disabled."
_GONE = 410
_OVERLOADED = frozenset({429, 503})
_TIMEOUT = "timeout"
_OVERLOADED_FLOOR = timedelta(seconds=60)
_RETRY_AFTER_CEILING = timedelta(hours=24)
_KEY_PARTS = 3
_MOMENT = re.compile(r"[0-9]{1,16}")


class DeliveryState(StrEnum):
    """Where a delivery stands; see the module's docstring."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    PARKED = "parked"
    FAILED = "failed"
    DISCARDED = "discarded"


#: The states in which nothing is attempted until somebody asks for it.
ENDED = frozenset(DeliveryState) - {DeliveryState.RETRYING}


def overrules(state: str, known: str) -> bool:
    """
    Tells whether a row in *state* may take the place of one, *known*, that another attempt wrote meanwhile.

    Only "delivered" may. Whoever wrote the other goes on with it; who comes late, his message gone, may not.
    """
    return state == DeliveryState.DELIVERED != known


class DeliveryKey(Carried):
    """
    What names a delivery: the webhook, the event's moment (Unix milliseconds) and the event's id.

    All three come from the event itself, so a second delivery of the same event to the same webhook lands on the same
    row, whoever writes it.
    """

    webhook: str
    moment: int
    event_id: str

    @property
    def id(self) -> str:
        """The delivery's id at the API."""
        return f"{self.moment}_{self.webhook}_{self.event_id}"


def parse_delivery_id(text: str) -> DeliveryKey | None:
    """Returns the key behind a delivery's id, or None where it is none."""
    parts = text.split("_")
    if len(parts) != _KEY_PARTS or not all(parts) or not _MOMENT.fullmatch(parts[0]):
        return None
    return DeliveryKey(webhook=parts[1], moment=int(parts[0]), event_id=parts[2])


class Outcome(Owned):
    """What came of one POST: a status, or the code of the error that prevented one; durations in milliseconds."""

    status: int | None = None
    error: str | None = None
    retry_after: str | None = None
    milliseconds: int

    @property
    def delivered(self) -> bool:
        """Whether the receiver took the event: a 2xx and nothing else."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004  2xx

    @property
    def gone(self) -> bool:
        """Whether the receiver says that it wants no more events (410)."""
        return self.status == _GONE


class Attempt(Carried):
    """One POST of a delivery, as the row and the API tell it."""

    number: int
    at: datetime
    milliseconds: int
    status: int | None = None
    error: str | None = None


class Delivery(Carried):
    """
    One event for one webhook, as it is stored; the payload's bytes stand beside it until `payload_expires`.

    `before` counts the attempts that were made before somebody asked for more: the schedule begins after them. An event
    of no account in particular has none.
    """

    key: DeliveryKey
    event: OrNewer[EventName]
    account: str | None
    account_key: str | None
    url: str
    state: OrNewer[DeliveryState]
    attempts: tuple[Attempt, ...] = ()
    next_attempt: datetime | None = None
    created: datetime
    updated: datetime
    payload_bytes: int
    payload_expires: datetime
    reason: str | None = None
    correlation: str = ""
    before: int = 0

    def attempted(
        self, outcome: Outcome, *, now: datetime, schedule: tuple[timedelta, ...], chance: float
    ) -> "Delivery":
        """
        Returns the delivery after one more attempt.

        *schedule* holds the waits between attempts, *chance* (0..1) chooses the jitter of ±20 %. Delivered is final.
        """
        if self.state is DeliveryState.DELIVERED:
            return self
        number = len(self.attempts) + 1
        tried = number - self.before
        attempt = Attempt(
            number=number, at=now, milliseconds=outcome.milliseconds, status=outcome.status, error=outcome.error
        )
        changes: dict[str, Any] = {"attempts": (*self.attempts, attempt), "updated": now, "next_attempt": None}
        if outcome.delivered:
            changes["state"] = DeliveryState.DELIVERED
        elif outcome.gone:
            changes |= {"state": DeliveryState.PARKED, "reason": GONE_REASON}
        elif tried > len(schedule):
            changes |= {"state": DeliveryState.FAILED, "reason": f"All {tried} attempts failed."}
        else:
            wait = _wait(outcome, schedule[tried - 1], now, chance)
            changes |= {"state": DeliveryState.RETRYING, "next_attempt": now + wait}
        return self.model_copy(update=changes)

    def reopened(self) -> "Delivery":
        """Returns the delivery as one to be attempted; where it had ended, delivered too, its schedule begins anew."""
        if self.state is DeliveryState.RETRYING:
            return self
        return self.model_copy(update={"state": DeliveryState.RETRYING, "reason": None, "before": len(self.attempts)})

    def deferred(self, *, now: datetime, wait: timedelta) -> "Delivery":
        """Returns the delivery put off without an attempt, because its webhook is busy or unwell."""
        if self.state is DeliveryState.DELIVERED:
            return self
        return self.model_copy(update={"state": DeliveryState.RETRYING, "next_attempt": now + wait, "updated": now})

    def ended(self, state: DeliveryState, reason: str, *, now: datetime) -> "Delivery":
        """Returns the delivery ended in *state* without an attempt."""
        if self.state is DeliveryState.DELIVERED:
            return self
        return self.model_copy(update={"state": state, "reason": reason, "next_attempt": None, "updated": now})


class Retry(Carried):
    """
    A message of the queue `retries`: a delivery whose attempt `number` is due. It carries no mail content.

    `again` says that this attempt was begun before and could not be finished, for want of storage or vault, `asked`
    that somebody wants it, whatever state the delivery is in.
    """

    v: int = 1
    delivery: DeliveryKey
    number: int
    again: bool = False
    asked: bool = False


class DeliveryQuery(ApiModel):
    """The query of `GET /v1/deliveries`; `since` and `until` bound the moments of the events, the latter excluded."""

    account: Annotated[str, StringConstraints(max_length=256)] | None = None
    event_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    webhook: Annotated[str, StringConstraints(max_length=64)] | None = None
    state: DeliveryState | None = None
    since: Between | None = None
    until: Between | None = None
    page_size: Annotated[int, Field(ge=1, le=250)] = 20
    cursor: Annotated[str, StringConstraints(max_length=2048)] | None = None


def view(delivery: Delivery) -> dict[str, Any]:
    """Returns *delivery* as the API shows it, without its payload."""
    return {
        "id": delivery.key.id,
        "webhook": delivery.key.webhook,
        "url": delivery.url,
        "account": delivery.account,
        "event": delivery.event,
        "eventId": delivery.key.event_id,
        "state": delivery.state,
        "reason": delivery.reason,
        "created": iso(delivery.created),
        "updated": iso(delivery.updated),
        "nextAttempt": iso(delivery.next_attempt) if delivery.next_attempt else None,
        "attempts": [
            {
                "number": attempt.number,
                "at": iso(attempt.at),
                "duration": attempt.milliseconds,
                "status": attempt.status,
                "error": attempt.error,
            }
            for attempt in delivery.attempts
        ],
        "payloadSize": delivery.payload_bytes,
        "payloadExpires": iso(delivery.payload_expires),
    }


def _wait(outcome: Outcome, planned: timedelta, now: datetime, chance: float) -> timedelta:
    wait = planned * (1 - JITTER + 2 * JITTER * chance)
    if outcome.status in _OVERLOADED or outcome.error == _TIMEOUT:
        wait = max(wait, _OVERLOADED_FLOOR)
    asked = read_retry_after(outcome.retry_after, now)
    return max(wait, min(asked, _RETRY_AFTER_CEILING)) if asked is not None else wait


def read_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Returns what a `Retry-After` header asks for, seconds or a date, or None where it asks for nothing."""
    if not value:
        return None
    if value.strip().isdecimal():
        # More digits than a century of seconds are no wait anybody means.
        return timedelta(seconds=min(int(value.strip()[:10]), 10**9))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(moment - now, timedelta()) if moment.tzinfo is not None else None
