"""Queue triggers, as the storage extension runs them."""

import asyncio
import base64
import binascii
import contextlib
import logging
import random
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from azure.functions.queue import QueueMessage

from local.host.declared import Declared
from local.host.invocation import Invoker
from local.host.settings import QueueOptions
from local.host.storage_queue import Message, StorageQueue, StorageRefusal, StorageUnreachable

_log = logging.getLogger("Host.Queues")

LEASE = timedelta(minutes=10)
FIRST_PAUSE = timedelta(milliseconds=100)
_UNREACHABLE_PAUSE = timedelta(seconds=2)
_GONE = ("PopReceiptMismatch", "MessageNotFound", "QueueNotFound")


@dataclass
class Listener:
    """Polls one queue for one function, and settles every message that it takes."""

    function: Declared
    queue: StorageQueue
    poison: StorageQueue | None  # a queue named *-poison has none of its own
    options: QueueOptions
    invoker: Invoker
    lease: timedelta = LEASE
    _in_flight: set[asyncio.Task[None]] = field(default_factory=set)
    _shape: Callable[[Message, bytes], Any] = field(init=False)

    def __post_init__(self) -> None:
        self._shape = shape_for(self.function)

    async def run(self, stop: asyncio.Event) -> None:
        """Reads until `stop` is set, then returns when what it has taken is settled."""
        empty = 0
        while not stop.is_set():
            while len(self._in_flight) > self.options.new_batch_threshold:
                await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
            messages = await self._take()
            if messages is None:
                await _pause(stop, _UNREACHABLE_PAUSE)
                continue
            for message in messages:
                task = asyncio.create_task(self._settle(message))
                self._in_flight.add(task)
                task.add_done_callback(self._in_flight.discard)
            empty = 0 if messages else empty + 1
            if not messages:
                await _pause(stop, backoff(empty, self.options.max_polling_interval))
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    async def _take(self) -> list[Message] | None:
        try:
            return await self.queue.get(self.options.batch_size, self.lease)
        except StorageUnreachable as error:
            _log.warning("Queue %s: storage does not answer, trying again: %s", self.queue.name, error)
        except StorageRefusal as refusal:
            if refusal.status == 404:
                await self._create()
                return []
            _log.warning("Queue %s: %s", self.queue.name, refusal)
        return None

    async def _create(self) -> None:
        with contextlib.suppress(StorageRefusal, StorageUnreachable):
            await self.queue.create()

    async def _settle(self, message: Message) -> None:
        try:
            await self._process(message)
        except StorageRefusal as refusal:
            # The function may have moved its own message on, or the lease may have run out: both are expected.
            if refusal.code not in _GONE:
                _log.warning("Queue %s, message %s: %s", self.queue.name, message.id, refusal)
        except StorageUnreachable as error:
            _log.warning("Queue %s, message %s comes back when its lease ends: %s", self.queue.name, message.id, error)

    async def _process(self, message: Message) -> None:
        body = decode(message.text, base64_encoded=self.options.base64)
        if body is None:
            await self._poison(message, "it is not base64")
        elif message.dequeue_count > self.options.max_dequeue_count:
            await self._poison(message, f"it was taken {message.dequeue_count} times")
        elif await self._run(message, body):
            await self.queue.delete(message)
        elif self.poison is None:
            return  # stays hidden until its lease ends, as in Azure
        elif message.dequeue_count >= self.options.max_dequeue_count:
            await self._poison(message, f"it failed {message.dequeue_count} times")
        else:
            await self.queue.hide(message, self.options.visibility_timeout)

    async def _run(self, message: Message, body: bytes) -> bool:
        done = asyncio.Event()
        renewal = asyncio.create_task(self._renew(message, done))
        outcome = await self.invoker.invoke(self.function, self._shape(message, body))
        done.set()
        await renewal  # so that the pop receipt of a renewal under way is known
        return outcome.error is None

    async def _renew(self, message: Message, done: asyncio.Event) -> None:
        while not await _pause(done, self.lease / 2):
            try:
                await self.queue.hide(message, self.lease)
            except (StorageRefusal, StorageUnreachable) as error:
                _log.warning("Queue %s, message %s is not renewed: %s", self.queue.name, message.id, error)

    async def _poison(self, message: Message, reason: str) -> None:
        if self.poison is None:
            return
        _log.warning("Message %s of queue %s goes to %s: %s.", message.id, self.queue.name, self.poison.name, reason)
        await put(self.poison, message.text)
        await self.queue.delete(message)


async def put(queue: StorageQueue, text: str) -> None:
    """Adds a message, and creates the queue when it is missing."""
    try:
        await queue.put(text)
    except StorageRefusal as refusal:
        if refusal.status != 404:
            raise
        await queue.create()
        await queue.put(text)


def decode(text: str, *, base64_encoded: bool) -> bytes | None:
    """Returns a message's bytes, or None when the text is not what messageEncoding says."""
    if not base64_encoded:
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def backoff(empty_reads: int, longest: timedelta) -> timedelta:
    """Returns the pause after so many empty reads: random, doubling from 100 ms to the longest."""
    grown = FIRST_PAUSE * ((2.0 ** min(empty_reads, 20) - 1) * random.uniform(0.8, 1.2))
    return max(FIRST_PAUSE, min(longest, grown))


def shape_for(function: Declared) -> Callable[[Message, bytes], Any]:
    """Returns how to shape a message as the function's parameter is annotated: str, bytes, or func.QueueMessage."""
    wanted = typing.get_type_hints(function.call).get(function.trigger.name)
    if wanted is str:
        return lambda _, body: body.decode(errors="replace")
    if wanted is bytes:
        return lambda _, body: body
    return lambda message, body: QueueMessage(
        id=message.id,
        body=body,
        dequeue_count=message.dequeue_count,
        expiration_time=message.expires,
        insertion_time=message.inserted,
        time_next_visible=message.next_visible,
        pop_receipt=message.pop_receipt,
    )


async def _pause(event: asyncio.Event, period: timedelta) -> bool:
    """Waits for the event, at most for the period; tells whether the event came."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), period.total_seconds())
    return event.is_set()
