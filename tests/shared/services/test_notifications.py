"""Notifications: what is ours is queued before Graph is answered, and what is not is skipped."""

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import account_key
from shared.domain.changes import ChangeBatch
from shared.domain.client_state import ClientStates
from shared.domain.errors import InvalidRequest, TryLater
from shared.domain.jobs import Job, JobKind
from shared.services.notifications import Notifications
from tests.factories import MESSAGE
from tests.fakes.faults import Faulty
from tests.shared.services.world import STATES, Process, World

ANNA = account_key("anna")


def said(message: str = MESSAGE, **changes: Any) -> dict[str, Any]:
    """Return what Graph says about a message."""
    values = {
        "subscriptionId": "subscription-1",
        "clientState": STATES.make(ANNA),
        "changeType": "created",
        "resourceData": {"id": message},
    }
    return {**values, **changes}


def posted(*items: Any) -> bytes:
    """Return what Graph posts."""
    return json.dumps({"value": items}).encode()


def queued(world: World) -> list[tuple[str, str, str]]:
    """Return what is queued: account, kind and message of each change."""
    return [(c.account, c.kind, c.message) for batch in world.changes.bodies() for c in batch.changes]


def test_every_change_is_queued(world: World, process: Process) -> None:
    """What is ours becomes a change with account, kind, message and moment."""
    kinds = ("created", "updated", "deleted")
    items = [said(changeType=kind) for kind in (*kinds, "moved")]
    assert asyncio.run(process.notifications.accept(posted(*items))) == 3
    assert queued(world) == [(ANNA, kind, MESSAGE) for kind in kinds]
    assert {c.seen for batch in world.changes.bodies() for c in batch.changes} == {world.clock.now()}


@pytest.mark.parametrize(
    "item",
    [
        said(clientState="guess"),
        said(clientState=None),
        said(clientState={"is": "no text"}),
        said(clientState=STATES.make(ANNA)[:-1] + "!"),
        said(clientState=ClientStates({"k1": b"x" * 32}).make(ANNA)),
        said(clientState=ClientStates({"k0": b"k" * 32}).make(ANNA)),
        said(changeType="renamed"),
        said(resourceData=None),
        said(resourceData={"id": 7}),
        "nonsense",
        None,
    ],
    ids=["guess", "none", "object", "cut", "forged", "stale key", "unknown", "no message", "odd id", "text", "null"],
)
def test_what_is_not_ours_is_skipped(world: World, process: Process, item: Any) -> None:
    """An item that proves nothing or says nothing is counted and skipped, and does not spoil its neighbours."""
    assert asyncio.run(process.notifications.accept(posted(item, said()))) == 1
    assert queued(world) == [(ANNA, "created", MESSAGE)]
    (line,) = world.log.named("notifications.accepted")
    assert (line["items"], line["queued"], line["skipped"]) == (2, 1, 1)


def test_a_request_can_be_followed(world: World, process: Process) -> None:
    """The changes of one request carry the correlation that its log line names; another request has another."""
    for items in ((said("one"), said("two")), (said("three"),)):
        asyncio.run(process.notifications.accept(posted(*items)))
    logged = [line["correlation"] for line in world.log.named("notifications.accepted")]
    carried = [[change.correlation for change in batch.changes] for batch in world.changes.bodies()]
    assert carried == [[logged[0]] * 2, [logged[1]]]
    assert logged[0] != logged[1]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"value": 7}', b"[" * 100_000])
def test_what_is_no_envelope_is_refused(process: Process, body: bytes) -> None:
    """A body that is no notification collection is an invalid request."""
    with pytest.raises(InvalidRequest):
        asyncio.run(process.notifications.accept(body))


def test_a_batch_that_repeats_itself_is_queued_once(world: World, process: Process) -> None:
    """Duplicates inside a batch are one change; another kind or account is another one."""
    other = said(clientState=STATES.make(account_key("ben")))
    asyncio.run(process.notifications.accept(posted(said(), said(), said(changeType="updated"), other)))
    assert len(queued(world)) == 3


def test_a_burst_at_one_mailbox_is_marked(world: World, process: Process) -> None:
    """Many notifications about one mailbox at once are marked as crowded; a few are not, nor is another mailbox."""
    other = STATES.make("another-account")
    asyncio.run(process.notifications.accept(posted(*(said(f"m{number}") for number in range(3)))))
    burst = [said(f"m{number}") for number in range(3, 9)]
    asyncio.run(process.notifications.accept(posted(*burst, said("theirs", clientState=other))))
    marked = {c.message: c.crowded for batch in world.changes.bodies() for c in batch.changes}
    assert marked == {**{f"m{number}": number >= 3 for number in range(9)}, "theirs": False}


def test_graph_is_answered_after_storing(world: World) -> None:
    """The answer waits for the put, not only for its start."""
    gate = threading.Event()

    class Slow:
        def put(self, batch: ChangeBatch, delay: timedelta = timedelta()) -> None:
            assert gate.wait(60)
            world.changes.put(batch, delay)

    process = world.process(lambda port: Slow() if port is world.changes else port)

    async def ask() -> None:
        answer = asyncio.create_task(process.notifications.accept(posted(said())))
        await asyncio.sleep(0.05)
        assert not answer.done()
        gate.set()
        assert await answer == 1

    asyncio.run(ask())
    assert len(queued(world)) == 1


def test_a_request_that_is_given_up_stops_nobody(world: World) -> None:
    """A request that is cancelled while its put is on the way leaves the queue open for the next one."""
    gate = threading.Event()

    class Slow:
        def put(self, batch: ChangeBatch, delay: timedelta = timedelta()) -> None:
            assert gate.wait(60)
            world.changes.put(batch, delay)

    process = world.process(lambda port: Slow() if port is world.changes else port)

    async def ask() -> int:
        given_up = asyncio.create_task(process.notifications.accept(posted(said("one"))))
        await asyncio.sleep(0.05)
        given_up.cancel()
        await asyncio.sleep(0)
        gate.set()
        return await process.notifications.accept(posted(said("two")))

    assert asyncio.run(ask()) == 1
    assert "two" in {message for _, _, message in queued(world)}


@pytest.mark.parametrize("path", ["accept", "accept_lifecycle"])
def test_a_queue_that_hangs_makes_graph_come_again(world: World, path: str) -> None:
    """What is not stored in good time is refused before Graph takes us for slow, and its repetition is taken."""
    gate = threading.Event()

    class Hanging:
        def put(self, *_: object) -> None:
            assert gate.wait(60)

    process = world.process(lambda port: Hanging() if port in (world.changes, world.jobs) else port)
    hurried = replace(process.notifications, prompt=timedelta(milliseconds=50))
    body = posted(said() if path == "accept" else lifecycle("missed"))

    async def ask() -> None:
        try:
            with pytest.raises(TryLater, match="in time"):
                await getattr(hurried, path)(body)
        finally:
            gate.set()

    asyncio.run(ask())
    assert "notifications.late" in world.log.problems()
    assert Notifications.prompt <= timedelta(seconds=2.5)
    assert asyncio.run(getattr(process.notifications, path)(body)) == 1


def test_a_failed_put_fails_the_request(world: World) -> None:
    """Where the queue did not take it Graph hears so, and its repetition is queued."""
    faulty = Faulty(world.changes)
    process = world.process(lambda port: faulty if port is world.changes else port)
    faulty.fail("put", TryLater("Storage is busy."))
    with pytest.raises(TryLater):
        asyncio.run(process.notifications.accept(posted(said())))
    assert world.log.named("notifications.refused") == [{"error": "Storage is busy."}]
    assert asyncio.run(process.notifications.accept(posted(said()))) == 1
    assert len(queued(world)) == 1


async def burst(world: World, put: Callable[..., None]) -> list[Any]:
    """Have 600 requests come while the first put is under way, and return the answers."""
    gate = threading.Event()

    class Slow:
        def put(self, batch: ChangeBatch, delay: timedelta = timedelta()) -> None:
            assert gate.wait(60)
            put(batch, delay)

    process = world.process(lambda port: Slow() if port is world.changes else port)
    bodies = [posted(said(f"message-{number}")) for number in range(600)]
    coming = [asyncio.create_task(process.notifications.accept(body)) for body in bodies]
    await asyncio.sleep(0)
    gate.set()
    return await asyncio.gather(*coming, return_exceptions=True)


def test_a_burst_makes_few_puts(world: World) -> None:
    """600 requests at the same time are stored with a few puts, every one of them."""
    assert asyncio.run(burst(world, world.changes.put)) == [1] * 600
    assert len(world.changes.bodies()) <= 30
    assert len({message for _, _, message in queued(world)}) == 600


def test_a_failed_put_fails_its_own_requests_only(world: World) -> None:
    """In a burst one failed put refuses the requests that it carried; the others are stored and answered."""
    faulty = Faulty(world.changes)
    faulty.fail("put", TryLater("Storage is busy."))
    answers = asyncio.run(burst(world, faulty.port.put))
    refused = [answer for answer in answers if isinstance(answer, TryLater)]
    assert 1 <= len(refused) < 300
    assert len(queued(world)) == 600 - len(refused) == answers.count(1)


def lifecycle(event: str, **changes: Any) -> dict[str, Any]:
    """Return what Graph says about a subscription."""
    values = {"subscriptionId": "subscription-1", "clientState": STATES.make(ANNA), "lifecycleEvent": event}
    return {**values, **changes}


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("reauthorizationRequired", JobKind.REAUTHORIZE),
        ("subscriptionRemoved", JobKind.RECREATE),
        ("missed", JobKind.CATCH_UP),
    ],
)
def test_a_lifecycle_event_is_a_job(world: World, process: Process, event: str, kind: JobKind) -> None:
    """What Graph says about a subscription becomes one job that names it."""
    assert asyncio.run(process.notifications.accept_lifecycle(posted(lifecycle(event), lifecycle(event)))) == 1
    assert world.jobs.bodies() == [Job(kind=kind, account=ANNA, subscription="subscription-1")]


@pytest.mark.parametrize("item", [lifecycle("missed", clientState="guess"), lifecycle("renamed"), said(), "nonsense"])
def test_a_foreign_lifecycle_event_is_skipped(world: World, process: Process, item: Any) -> None:
    """What proves nothing, or what nobody knows, queues no job."""
    assert asyncio.run(process.notifications.accept_lifecycle(posted(item))) == 0
    assert world.jobs.bodies() == []


def test_a_failed_job_fails_the_lifecycle_request(world: World) -> None:
    """Where the queue did not take the job Graph hears so."""
    faulty = Faulty(world.jobs)
    process = world.process(lambda port: faulty if port is world.jobs else port)
    faulty.fail("put", TryLater("Storage is busy."))
    with pytest.raises(TryLater):
        asyncio.run(process.notifications.accept_lifecycle(posted(lifecycle("missed"))))
