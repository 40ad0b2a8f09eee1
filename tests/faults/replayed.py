"""
The real services, stopped at every call to the world.

A worker's memory is what it was answered so far: it is run from the start with those answers, up to the first call that
has none yet. So a worker is a value, and a search can go on from it in as many ways as the call can come out.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from shared.domain.changes import ChangeBatch
from shared.domain.deliveries import Delivery, DeliveryKey, DeliveryQuery, Outcome, Retry
from shared.domain.errors import Changed, RelayError, TryLater
from shared.domain.jobs import Job
from shared.domain.sightings import Sighting, SightingKey
from shared.domain.webhooks import Webhook
from shared.ports.deliveries import Post
from shared.ports.microsoft365 import Reading, ReadRequest, Unread
from shared.ports.records import Page, Stored
from shared.services.meanings import PATIENCE
from tests.fakes.microsoft365 import FakeMessageReader
from tests.fakes.queues import FakeChangeQueue, FakeJobQueue, FakeRetryQueue
from tests.fakes.stores import FakeDeliveryStore, FakeSightingStore, FakeWebhookStore
from tests.fakes.webhooks import FakeWebhookSender
from tests.faults.at_once import AtOnce
from tests.shared.services.world import Process, World

UNAVAILABLE = "unavailable"
CHANGED = "changed"


class Call(NamedTuple):
    """What a worker asks of the world next."""

    name: str
    arguments: tuple[Any, ...]


class Ended(NamedTuple):
    """A worker that asks nothing more: its function returned, or failed for a reason."""

    failure: str | None = None


class Raise(NamedTuple):
    """An answer that is an error."""

    error: str


class Paused(BaseException):
    """No answer yet; nothing of the product catches this."""

    def __init__(self, call: Call) -> None:
        super().__init__(call.name)
        self.call = call


class Strayed(BaseException):
    """The same answers led elsewhere than before, so that nothing this search says would be worth anything."""


class Tape:
    """Answers calls as they were answered before, and stops at the first that was not."""

    def __init__(self, answers: Sequence[tuple[str, Any]]) -> None:
        self._answers = iter(answers)
        self._paused: Paused | None = None

    def ask(self, name: str, *arguments: Any) -> Any:
        """Return the answer to a call, or stop there; whoever cleans up on the way out is stopped again."""
        asked, answer = next(self._answers, (None, None))
        if asked is None:
            self._paused = self._paused or Paused(Call(name, arguments))
            raise self._paused
        if asked != name:
            raise Strayed(f"It asked to {asked} before, and now to {name}.")
        if answer == Raise(UNAVAILABLE):
            raise TryLater("Storage does not answer.")
        if answer == Raise(CHANGED):
            raise Changed("The record is another one now.")
        return answer


def run(
    world: World,
    answers: Sequence[tuple[str, Any]],
    work: Callable[[Process], None],
    *,
    schedule: tuple[timedelta, ...],
    shared_memory: bool,
) -> Call | Ended:
    """Do *work* in a process of *world* with these *answers*, and return what it asks next, or how it ended."""
    tape = Tape(answers)
    process = Process(world, lambda port: _taped(port, tape), Silence())
    deliveries = replace(process.deliveries, rows=AtOnce(_Rows(tape).add), schedule=schedule)
    changes = replace(
        process.changes,
        deliveries=deliveries,
        meanings=replace(process.changes.meanings, deliveries=deliveries),
        readings=replace(process.changes.readings, gathered=AtOnce(_Reader(tape, world.reader).read)),
        sighting_rows=AtOnce(_Sightings(tape).put_each),
    )
    if shared_memory:
        recent = _Recent(tape)
        changes = replace(changes, recent=recent, meanings=replace(changes.meanings, recent=recent))
    process.deliveries, process.changes = deliveries, changes
    try:
        work(process)
    except Paused as paused:
        return paused.call
    except RelayError as error:
        return Ended(type(error).__name__)
    return Ended()


class Silence:
    """Logs nothing."""

    def event(self, name: str, **fields: object) -> None:
        """Say nothing."""

    def problem(self, name: str, **fields: object) -> None:
        """Say nothing either."""


class _Asking:
    def __init__(self, tape: Tape) -> None:
        self._ask = tape.ask


class _Rows(_Asking):
    def add(self, deliveries: Sequence[tuple[Delivery, bytes]]) -> None:
        # Rows of several days or webhooks are written one after the other.
        for delivery, payload in deliveries:
            self._ask("add row", delivery, payload)

    def get(self, key: DeliveryKey) -> Stored[Delivery] | None:
        return self._ask("read row", key)

    def payload(self, key: DeliveryKey) -> bytes | None:
        return self._ask("read payload", key)

    def replace(self, delivery: Delivery, etag: str) -> None:
        self._ask("replace row", delivery, etag)

    def page(self, query: DeliveryQuery, position: dict[str, str] | None, limit: int) -> Page[Delivery]:
        return Page(self._ask("list rows", query), None)


class _Webhooks(_Asking):
    def get(self, webhook: str) -> Stored[Webhook] | None:
        return self._ask("read webhook", webhook)

    def insert(self, webhook: Webhook) -> None:
        self._ask("insert webhook", webhook)

    def replace(self, webhook: Webhook, etag: str) -> None:
        self._ask("replace webhook", webhook, etag)


class _Sightings(_Asking):
    def get(self, key: SightingKey) -> Sighting | None:
        return self._ask("read sighting", key)

    def put_each(self, sightings: Sequence[tuple[SightingKey, Sighting]]) -> None:
        for key, sighting in sightings:
            self._ask("put sighting", key, sighting)


class _Changes(_Asking):
    def put(self, batch: ChangeBatch, delay: timedelta = timedelta()) -> None:
        if batch.changes or batch.account_events:
            self._ask("queue changes", _counted(batch))


class _Retries(_Asking):
    def put(self, retry: Retry, delay: timedelta) -> None:
        self._ask("queue retries", retry)

    def return_early(self) -> None:
        """Have the host delete the message that is being worked on, as after a return."""
        self._ask("return early", None)


class _Jobs(_Asking):
    def put(self, job: Job, delay: timedelta = timedelta()) -> None:
        self._ask("queue jobs", job)

    def put_together(self, jobs: Sequence[Job], delay: timedelta = timedelta()) -> None:
        for job in jobs:
            self.put(job, delay)


class _Sender(_Asking):
    def send(self, posts: Sequence[Post]) -> list[Outcome]:
        sent = tuple((post.lane, post.headers["webhook-id"], post.body) for post in posts)
        return list(self._ask("post", sent)) if sent else []


class _Reader:
    def __init__(self, tape: Tape, reader: FakeMessageReader) -> None:
        self._ask = tape.ask
        self._reader = reader

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        readable = self._ask("read mail", len(requests))
        readings = self._reader.read(requests)
        return [
            reading if read else Unread(TryLater("Graph is throttled."))
            for read, reading in zip(readable, readings, strict=True)
        ]


class _Recent(_Asking):
    """The memory that the workers of one process share."""

    def is_finished(self, event_id: str) -> bool:
        return self._ask("remember finished", event_id)

    def knows(self, event_id: str) -> bool:
        return self._ask("remember", event_id)

    def begin(self, event_id: str) -> bool:
        return self._ask("take in hand", event_id)

    def finish(self, event_id: str) -> None:
        self._ask("finish", event_id)

    def abandon(self, event_id: str) -> None:
        self._ask("lay down", event_id)


def _counted(batch: ChangeBatch) -> ChangeBatch:
    """Return *batch* with its counters no higher than matters, time aside; else no search would ever end."""
    return batch.model_copy(
        update={
            "changes": tuple(
                change.model_copy(update={"tries": min(change.tries, 1), "looks": min(change.looks, PATIENCE)})
                for change in batch.changes
            ),
            "account_events": tuple(
                said.model_copy(update={"tries": min(said.tries, 1)}) for said in batch.account_events
            ),
        }
    )


_PORTS: dict[type, type[_Asking]] = {
    FakeDeliveryStore: _Rows,
    FakeWebhookStore: _Webhooks,
    FakeSightingStore: _Sightings,
    FakeChangeQueue: _Changes,
    FakeRetryQueue: _Retries,
    FakeJobQueue: _Jobs,
    FakeWebhookSender: _Sender,
}


def _taped(port: Any, tape: Tape) -> Any:
    asking = _PORTS.get(type(port))
    return asking(tape) if asking else port
