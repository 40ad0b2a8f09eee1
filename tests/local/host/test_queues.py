"""How a message lives and dies, on Azurite and judged through the SDK."""

import asyncio
import base64
import os
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import aiohttp
import azure.functions as func
import pytest
from azure.storage.queue import QueueClient

from local.host import connections
from local.host.declared import declare
from local.host.invocation import Invoker
from local.host.outputs import QueueOutputs
from local.host.queues import LEASE, Listener, backoff
from local.host.settings import QueueOptions
from local.host.storage_queue import StorageQueue

STORAGE = "AzureWebJobsStorage"
OPTIONS = QueueOptions(max_polling_interval=timedelta(milliseconds=200))


@pytest.fixture
def queue(azurite: str, monkeypatch: pytest.MonkeyPatch) -> QueueClient:
    """A fresh queue, seen through the SDK as raw text."""
    monkeypatch.setenv(STORAGE, azurite)
    client = QueueClient.from_connection_string(azurite, f"q-{uuid.uuid4().hex[:12]}")
    client.create_queue()
    return client


def _poison(queue: QueueClient) -> QueueClient:
    storage = os.environ[STORAGE]
    return QueueClient.from_connection_string(storage, f"{queue.queue_name}-poison")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _listen(
    queue: QueueClient,
    handler: Callable[..., Any],
    until: Callable[[], bool],
    options: QueueOptions = OPTIONS,
    lease: timedelta = LEASE,
) -> None:
    """Runs the handler on the queue until the condition holds, at most for minutes."""
    app = func.FunctionApp()
    name = str(queue.queue_name)
    app.queue_trigger("msg", name, STORAGE)(app.queue_output("$return", f"{name}-out", "")(handler))
    function = declare(app.get_functions()[0])

    async def listen() -> None:
        stop = asyncio.Event()
        async with aiohttp.ClientSession() as session:
            account = connections.resolve(STORAGE)
            outputs = QueueOutputs(session, base64_encoded=options.base64)
            with ThreadPoolExecutor(4) as pool:
                invoker = Invoker(pool, "", timedelta(minutes=1), outputs.write)
                own, poison = (StorageQueue(session, account, each) for each in (name, f"{name}-poison"))
                running = asyncio.create_task(Listener(function, own, poison, options, invoker, lease).run(stop))
                deadline = time.monotonic() + 200
                while not until() and time.monotonic() < deadline:  # noqa: ASYNC110  the SDK tells no event
                    await asyncio.sleep(0.02)
                stop.set()
                await running

    asyncio.run(listen())
    assert until()


def _count(queue: QueueClient) -> int:
    return int(queue.get_queue_properties().approximate_message_count or 0)


def test_poison_after_five(queue: QueueClient) -> None:
    """A message that fails five times goes to the poison queue with its text as it was."""
    tries: list[int] = []

    async def fail(msg: func.QueueMessage) -> None:
        tries.append(msg.dequeue_count or 0)
        raise ValueError("no")

    queue.send_message(_encoded("mail"))
    _listen(queue, fail, lambda: len(tries) == 5)
    assert tries == [1, 2, 3, 4, 5]
    assert [message.content for message in _poison(queue).receive_messages()] == [_encoded("mail")]
    assert _count(queue) == 0


def test_not_base64(queue: QueueClient) -> None:
    """A message that is not base64 is poison at once, and the function never sees it."""
    seen: list[bytes] = []

    async def note(msg: func.QueueMessage) -> None:
        seen.append(msg.get_body())

    queue.send_message("plain, not base64")
    queue.send_message(_encoded("good"))
    _listen(queue, note, lambda: len(seen) == 1)
    assert seen == [b"good"]
    assert [message.content for message in _poison(queue).receive_messages()] == ["plain, not base64"]


def test_visibility_timeout(queue: QueueClient) -> None:
    """After a failure a message stays hidden for host.json's visibilityTimeout."""
    tries: list[float] = []

    async def fail_once(msg: func.QueueMessage) -> None:
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise ValueError("no")

    queue.send_message(_encoded("mail"))
    options = QueueOptions(max_polling_interval=timedelta(milliseconds=100), visibility_timeout=timedelta(seconds=1))
    _listen(queue, fail_once, lambda: len(tries) == 2, options)
    assert tries[1] - tries[0] >= 0.9


def test_moved_on_by_the_function(queue: QueueClient, caplog: pytest.LogCaptureFixture) -> None:
    """A function may update its own message; the host's refused delete is silent, and the message lives on."""
    seen: list[str] = []

    async def reschedule(msg: func.QueueMessage) -> None:
        queue.update_message(str(msg.id), msg.pop_receipt, visibility_timeout=60)
        seen.append(str(msg.id))

    queue.send_message(_encoded("mail"))
    _listen(queue, reschedule, lambda: len(seen) == 1)
    assert _count(queue) == 1
    assert not [record for record in caplog.records if record.name.startswith("Host.")]


def test_renewal(queue: QueueClient) -> None:
    """A function that outlives the lease keeps its message, because the lease is renewed at half time."""

    def outlived(lease: timedelta) -> bool:
        ended: list[int] = []

        async def slow(msg: func.QueueMessage) -> None:
            await asyncio.sleep(lease.total_seconds() * 1.15)
            ended.append(msg.dequeue_count or 0)

        queue.clear_messages()
        queue.send_message(_encoded("mail"))
        _listen(queue, slow, lambda: len(ended) > 0, lease=lease)
        return ended == [1] and _count(queue) == 0

    # A machine that stands still for half a lease loses it, as in Azure; then a longer one is taken.
    assert any(outlived(timedelta(seconds=seconds)) for seconds in (2, 10, 50))


def test_drain(queue: QueueClient) -> None:
    """A hundred messages are each handled once by a sync function, and what it returns is queued."""
    seen: list[str] = []

    def relay(msg: str) -> str:
        seen.append(msg)
        return f"out of {msg}"

    for number in range(100):
        queue.send_message(_encoded(str(number)))
    _listen(queue, relay, lambda: len(seen) >= 100)
    assert sorted(map(int, seen)) == list(range(100))
    assert _count(queue) == 0
    out = QueueClient.from_connection_string(os.environ[STORAGE], f"{queue.queue_name}-out")
    assert _count(out) == 100


def test_backoff() -> None:
    """An empty queue is polled after 100 ms at first, and never later than maxPollingInterval."""
    longest = timedelta(seconds=2)
    pauses = [backoff(count, longest) for count in range(1, 30)]
    assert timedelta(milliseconds=80) <= pauses[0] <= timedelta(milliseconds=120)
    assert pauses[-1] == longest
