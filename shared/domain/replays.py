"""
Replays: deliveries that somebody wants attempted again, page by page.

A replay is its own checkpoint: its message says which page comes next, and is followed by one that says the page after.
A page that is done twice asks for the same attempts under the same ids.
"""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator

from shared.domain.deliveries import Delivery, DeliveryQuery, DeliveryState
from shared.domain.fields import Between, plain
from shared.domain.models import ApiModel, Carried
from shared.domain.webhooks import DEFAULT

PER_MINUTE = 600
_LARGEST_PAGE = 100
_MINUTE = timedelta(minutes=1)


class NewReplay(ApiModel):
    """The body of `POST /v1/deliveries/replay`."""

    webhook: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(plain)] = DEFAULT
    since: Between
    until: Between
    states: Annotated[tuple[DeliveryState, ...], Field(min_length=1, max_length=5)] = (
        DeliveryState.FAILED,
        DeliveryState.PARKED,
    )
    dry_run: bool = False
    per_minute: Annotated[int, Field(ge=1, le=6000)] = PER_MINUTE

    @field_validator("until")
    @classmethod
    def _after_since(cls, until: datetime, info: ValidationInfo) -> datetime:
        since = info.data.get("since")
        if since is not None and until <= since:
            raise ValueError("must be later than since")
        return until


class Replay(Carried):
    """
    What is left of a replay: the first of `states` from `position` on, then the others.

    `since` and `until` bound the moments of the events; `queued` counts the attempts that were asked for so far.
    """

    id: str
    webhook: str
    states: tuple[DeliveryState, ...]
    since: datetime | None = None
    until: datetime | None = None
    per_minute: int = PER_MINUTE
    position: dict[str, str] | None = None
    queued: int = 0

    @property
    def query(self) -> DeliveryQuery:
        """What the next page asks for."""
        return DeliveryQuery(webhook=self.webhook, state=self.states[0], since=self.since, until=self.until)

    @property
    def page_size(self) -> int:
        """How many deliveries a page holds: no more than a minute's."""
        return min(self.per_minute, _LARGEST_PAGE)

    def pause(self, attempts: int) -> timedelta:
        """Returns how long *attempts* take at this replay's pace."""
        return _MINUTE * attempts / self.per_minute

    def after(self, position: dict[str, str] | None, queued: int) -> "Replay | None":
        """Returns the replay after a page that ended at *position* and asked for *queued* attempts; None at its end."""
        states = self.states if position is not None else self.states[1:]
        if not states:
            return None
        return self.model_copy(update={"states": states, "position": position, "queued": self.queued + queued})


def planned(request: NewReplay, replay: str) -> Replay:
    """Returns the replay that *request* asks for, before its first page."""
    return Replay(
        id=replay,
        webhook=request.webhook,
        states=tuple(dict.fromkeys(request.states)),
        since=request.since,
        until=request.until,
        per_minute=request.per_minute,
    )


def is_kept(delivery: Delivery, now: datetime) -> bool:
    """Tells whether the bytes of *delivery* are still there to be sent."""
    return delivery.payload_expires >= now
