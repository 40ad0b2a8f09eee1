"""
Queues on Azure Storage: `changes`, `retries` and `jobs`.

A message never expires by itself (TTL -1; the service's default would drop it after 7 days), and its text is base64 on
the wire, as the Functions host expects.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.errors import QUEUE_NOT_FOUND, code_of, translated
from shared.domain.changes import ChangeBatch
from shared.domain.deliveries import Retry
from shared.domain.jobs import Job, JobBatch
from shared.domain.models import Owned

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

# 64 KiB on the wire, three bytes in four characters.
# https://learn.microsoft.com/rest/api/storageservices/put-message
MESSAGE_BYTES = 48 * 1024
LONGEST_DELAY = timedelta(days=7)


class StorageChangeQueue:
    """Holds changes in the queue `changes`."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._queue = Queue(connection, f"{prefix}changes")

    def put(self, batch: ChangeBatch, delay: timedelta = timedelta()) -> None:
        """Queues *batch*, hidden for *delay*, in as many messages as it needs; each is taken at least once."""
        for text in messages(batch):
            self._queue.put(text, delay)


class StorageRetryQueue:
    """Holds attempts that are due later in the queue `retries`."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._queue = Queue(connection, f"{prefix}retries")

    def put(self, retry: Retry, delay: timedelta) -> None:
        """Queues *retry*, hidden for *delay* (at most 7 days); it is taken at least once."""
        self._queue.put(written(retry), delay)


class StorageJobQueue:
    """Holds background work in the queue `jobs`."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._queue = Queue(connection, f"{prefix}jobs")

    def put(self, job: Job, delay: timedelta = timedelta()) -> None:
        """Queues *job*, hidden for *delay* (at most 7 days); it is taken at least once."""
        self._queue.put(written(job), delay)

    def put_together(self, jobs: Sequence[Job], delay: timedelta = timedelta()) -> None:
        """Queues *jobs* as `put` does, in as few messages as they need; those of a message are taken together."""
        for text in job_messages(jobs):
            self._queue.put(text, delay)


def job_messages(jobs: Sequence[Job]) -> Iterator[str]:
    """Returns *jobs* as texts that fit a message each, halved until they do."""
    if not jobs:
        return
    text = written(jobs[0] if len(jobs) == 1 else JobBatch(jobs=tuple(jobs)))
    if len(jobs) == 1 or len(text.encode()) <= MESSAGE_BYTES:
        yield text
    else:
        half = len(jobs) // 2
        yield from job_messages(jobs[:half])
        yield from job_messages(jobs[half:])


def messages(batch: ChangeBatch) -> Iterator[str]:
    """Returns *batch* as texts that fit a message each, halved until they do."""
    if not batch.size:
        return
    text = written(batch)
    if len(text.encode()) <= MESSAGE_BYTES:
        yield text
    elif batch.size == 1:
        raise ValueError(f"One change of {len(text.encode())} bytes does not fit a message of {MESSAGE_BYTES} bytes.")
    else:
        for half in batch.halves():
            yield from messages(half)


def written(message: Owned) -> str:
    """Returns *message* as JSON without what is default, except its version: a later default must not rewrite it."""
    body = message.model_dump(mode="json", exclude_defaults=True)
    version = getattr(message, "v", None)
    if version is not None:
        body = {"v": version, **body}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


class Queue:
    """One queue, made when the first message finds it missing."""

    def __init__(self, connection: StorageConnection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._client: QueueClient | None = None
        self._lock = Lock()

    def put(self, text: str, delay: timedelta) -> None:
        """Puts *text*, hidden for *delay* within what the service allows."""
        hidden = ceil(min(max(delay, timedelta()), LONGEST_DELAY).total_seconds())
        with translated():
            client = self._opened()
            try:
                client.send_message(text, visibility_timeout=hidden, time_to_live=-1)
            except ResourceNotFoundError as error:
                if code_of(error) != QUEUE_NOT_FOUND:
                    raise
                _create(client)
                client.send_message(text, visibility_timeout=hidden, time_to_live=-1)

    def _opened(self) -> "QueueClient":
        with self._lock:
            if self._client is None:
                self._client = self._connection.queue(self._name)
            return self._client


def _create(client: "QueueClient") -> None:
    try:
        client.create_queue()
    except ResourceExistsError as error:
        if code_of(error) != "QueueAlreadyExists":
            raise
