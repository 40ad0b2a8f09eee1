"""Poison: messages that failed so often that the host gave them up, each kept as a row that anybody can see."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from shared.domain.models import ApiModel, Carried
from shared.domain.moments import iso


class Poisoned(Carried):
    """
    A message that the host gave up: `queue` is where it failed, `takes` how often it was taken from the poison queue.

    `given_up` and `message` are storage's own, so that keeping it again finds the same row.
    """

    queue: str
    message: str
    body: str
    takes: int
    given_up: datetime
    kept: datetime
    requeued: datetime | None = None

    @property
    def id(self) -> str:
        """The id at the API."""
        return f"{int(self.given_up.timestamp() * 1000)}_{self.message}"


class PoisonQuery(ApiModel):
    """The query of `GET /v1/poison`."""

    page_size: Annotated[int, Field(ge=1, le=250)] = 20
    cursor: Annotated[str, StringConstraints(max_length=2048)] | None = None


def view(poisoned: Poisoned) -> dict[str, Any]:
    """Returns *poisoned* as the API shows it."""
    return {
        "id": poisoned.id,
        "queue": poisoned.queue,
        "body": poisoned.body,
        "takes": poisoned.takes,
        "givenUp": iso(poisoned.given_up),
        "kept": iso(poisoned.kept),
        "requeued": iso(poisoned.requeued) if poisoned.requeued else None,
    }
