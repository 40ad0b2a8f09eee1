"""Queues on the storage account keep the promises of their ports, and speak as the Functions host expects."""

import json
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.queues import (
    MESSAGE_BYTES,
    StorageChangeQueue,
    StorageJobQueue,
    StorageRetryQueue,
    job_messages,
    messages,
    written,
)
from shared.domain.changes import ChangeBatch
from shared.domain.deliveries import DeliveryState, Retry
from shared.domain.jobs import Job, JobBatch, JobKind, jobs_of
from shared.domain.models import Owned
from shared.domain.replays import Replay
from tests.contracts.examples import change, key
from tests.contracts.queues import ChangeQueueContract, JobQueueContract, RetryQueueContract, event

Body = TypeVar("Body", bound=Owned)


def taken(client: QueueClient, kind: type[Body]) -> list[Body]:
    """Return every message that can be taken now."""
    try:
        return [kind.model_validate_json(message.content) for message in client.receive_messages()]
    except ResourceNotFoundError:
        return []


class TestChanges(ChangeQueueContract):
    """Changes on Azurite."""

    @pytest.fixture
    def queue(self, connection: StorageConnection, prefix: str) -> StorageChangeQueue:
        """Return the queue."""
        self._client = connection.queue(f"{prefix}changes")
        return StorageChangeQueue(connection, prefix)

    def visible(self) -> list[ChangeBatch]:
        """Return what can be taken now."""
        return taken(self._client, ChangeBatch)


class TestRetries(RetryQueueContract):
    """Retries on Azurite."""

    @pytest.fixture
    def queue(self, connection: StorageConnection, prefix: str) -> StorageRetryQueue:
        """Return the queue."""
        self._client = connection.queue(f"{prefix}retries")
        return StorageRetryQueue(connection, prefix)

    def visible(self) -> list[Retry]:
        """Return what can be taken now."""
        return taken(self._client, Retry)


class TestJobs(JobQueueContract):
    """Jobs on Azurite."""

    @pytest.fixture
    def queue(self, connection: StorageConnection, prefix: str) -> StorageJobQueue:
        """Return the queue."""
        self._client = connection.queue(f"{prefix}jobs")
        return StorageJobQueue(connection, prefix)

    def visible(self) -> list[Job]:
        """Return what can be taken now."""
        try:
            return [job for message in self._client.receive_messages() for job in jobs_of(message.content)]
        except ResourceNotFoundError:
            return []


def test_a_message_is_base64_and_never_expires(connection: StorageConnection, azurite: str, prefix: str) -> None:
    """On the wire a message is base64 over JSON, once, and it has no end."""
    StorageRetryQueue(connection, prefix).put(Retry(delivery=key(), number=2), timedelta())
    plain = QueueClient.from_connection_string(azurite, f"{prefix}retries")
    message = next(iter(plain.receive_messages()))
    assert Retry.model_validate_json(b64decode(message.content, validate=True)) == Retry(delivery=key(), number=2)
    assert message.expires_on is not None
    assert message.expires_on.year == 9999


def test_a_full_message_is_accepted(connection: StorageConnection, prefix: str) -> None:
    """A message of the very size that we allow passes."""
    room = MESSAGE_BYTES - len(written(ChangeBatch(changes=(change(message=""),))))
    batch = ChangeBatch(changes=(change(message="x" * room),))
    assert len(written(batch)) == MESSAGE_BYTES
    StorageChangeQueue(connection, prefix).put(batch)
    assert taken(connection.queue(f"{prefix}changes"), ChangeBatch) == [batch]


def test_messages_are_as_large_as_they_may_be() -> None:
    """A batch is cut only as often as it must, counted in bytes and not in characters."""
    batch = ChangeBatch(changes=tuple(change(number, message="é" * 1000) for number in range(40)))
    sizes = [len(text.encode()) for text in messages(batch)]
    assert len(sizes) == 2
    assert max(sizes) <= MESSAGE_BYTES


def test_a_change_that_fits_no_message_is_a_bug() -> None:
    """One change larger than a message is refused before anything is sent."""
    with pytest.raises(ValueError, match="does not fit"):
        list(messages(ChangeBatch(changes=(change(message="x" * MESSAGE_BYTES),), account_events=(event(1),))))


def test_jobs_travel_in_one_message() -> None:
    """Jobs that fit are one message; one job alone is written as it always was."""
    jobs = [Job(kind=JobKind.SWEEP, account=f"{number:026}", incarnation="i" * 16) for number in range(20)]
    assert len(list(job_messages(jobs))) == 1
    assert list(job_messages(jobs[:1])) == [written(jobs[0])]


def test_a_message_tells_its_version_and_no_defaults() -> None:
    """What is default is left out, but never the version, and nothing inside free data."""
    assert written(Job(kind=JobKind.PURGE, account="a", incarnation="i")) == (
        '{"v":1,"kind":"purge","account":"a","incarnation":"i"}'
    )
    text = written(ChangeBatch(changes=(change(),)))
    assert '"tries"' not in text
    assert '"crowded"' not in text
    assert ChangeBatch.model_validate_json(written(ChangeBatch(account_events=(event(1),)))).account_events == (
        event(1),
    )


REPLAY = Replay(id="r", webhook="default", states=(DeliveryState.FAILED,))


@pytest.mark.parametrize(
    ("message", "read"),
    [
        (ChangeBatch(changes=(change(),)), ChangeBatch.model_validate_json),
        (ChangeBatch(account_events=(event(1),)), ChangeBatch.model_validate_json),
        (Retry(delivery=key(), number=2), Retry.model_validate_json),
        (Job(kind=JobKind.REPLAY, replay=REPLAY), lambda body: jobs_of(body)[0]),
        (JobBatch(jobs=(Job(kind=JobKind.SWEEP),)), JobBatch.model_validate_json),
    ],
    ids=["changes", "account events", "retries", "jobs", "job batches"],
)
def test_a_newer_versions_message_is_understood(message: Owned, read: Callable[[bytes], Owned]) -> None:
    """During a deployment the former version takes messages of the new one, and puts back what it does not know."""
    newer = further(json.loads(written(message)))
    body = json.dumps(newer).encode()
    assert json.loads(written(read(body))) == newer
    if isinstance(message, JobBatch):
        assert [job.kind for job in jobs_of(body)] == [JobKind.SWEEP]


def further(body: Any) -> Any:
    """Return a body in which everything that is a model has one more field; what an event tells is none."""
    if isinstance(body, list):
        return [further(each) for each in body]
    if isinstance(body, dict):
        return {name: each if name == "data" else further(each) for name, each in body.items()} | {"further": [1]}
    return body
