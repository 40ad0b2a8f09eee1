"""What every queue promises."""

from abc import abstractmethod
from datetime import timedelta

from shared.domain.changes import AccountEvent, ChangeBatch, InstanceEvent
from shared.domain.deliveries import Retry
from shared.domain.events import EventName
from shared.domain.jobs import Job, JobKind
from shared.ports.queues import ChangeQueue, JobQueue, RetryQueue
from tests.contracts.examples import change, key
from tests.fakes.clock import START

HOUR = timedelta(hours=1)


class ChangeQueueContract:
    """A subclass gives the fixture `queue` and says what is in it."""

    @abstractmethod
    def visible(self) -> list[ChangeBatch]:
        """Return what can be taken now."""

    def test_a_batch_is_one_message(self, queue: ChangeQueue) -> None:
        """What was put is what is taken, in one message where it fits."""
        said = InstanceEvent(subject="app", event=EventName.OAUTH_APP_EXPIRING, version="1", at=START, data={"days": 7})
        batch = ChangeBatch(
            changes=(change(1), change(2, tries=3)), account_events=(event(1),), instance_events=(said,)
        )
        queue.put(batch)
        assert self.visible() == [batch]

    def test_a_large_batch_is_several_messages(self, queue: ChangeQueue) -> None:
        """Every change and every event of a large batch is taken, none twice."""
        changes = tuple(change(number) for number in range(700))
        events = tuple(event(number) for number in range(3))
        queue.put(ChangeBatch(changes=changes, account_events=events))
        taken = self.visible()
        assert sorted((each for batch in taken for each in batch.changes), key=lambda each: each.message) == list(
            changes
        )
        assert sorted((each for batch in taken for each in batch.account_events), key=lambda each: each.at) == list(
            events
        )

    def test_an_empty_batch_is_no_message(self, queue: ChangeQueue) -> None:
        """Nothing is queued for nothing."""
        queue.put(ChangeBatch())
        assert self.visible() == []

    def test_a_delay_hides(self, queue: ChangeQueue) -> None:
        """A batch with a delay cannot be taken before; one of the past can be taken at once."""
        queue.put(ChangeBatch(changes=(change(1),)), HOUR)
        queue.put(ChangeBatch(changes=(change(2),)), -HOUR)
        assert self.visible() == [ChangeBatch(changes=(change(2),))]


class RetryQueueContract:
    """A subclass gives the fixture `queue` and says what is in it."""

    @abstractmethod
    def visible(self) -> list[Retry]:
        """Return what can be taken now."""

    def test_a_retry_waits_for_its_moment(self, queue: RetryQueue) -> None:
        """A retry is hidden until it is due, and a delay beyond 7 days is 7 days."""
        queue.put(Retry(delivery=key(1), number=2), timedelta())
        queue.put(Retry(delivery=key(2), number=3), HOUR)
        queue.put(Retry(delivery=key(3), number=4), timedelta(days=30))
        assert self.visible() == [Retry(delivery=key(1), number=2)]


class JobQueueContract:
    """A subclass gives the fixture `queue` and says what is in it."""

    @abstractmethod
    def visible(self) -> list[Job]:
        """Return what can be taken now."""

    def test_a_job_is_taken_as_it_was(self, queue: JobQueue) -> None:
        """A job comes back with every field; one with a delay waits."""
        job = Job(kind=JobKind.CONNECT, account="abc", incarnation="incarnation-1")
        queue.put(job)
        queue.put(job, HOUR)
        assert self.visible() == [job]

    def test_jobs_are_put_together(self, queue: JobQueue) -> None:
        """Jobs that are put together all come, however many; with a delay they wait."""
        jobs = [Job(kind=JobKind.CONNECT, account=f"{number:03}", link="x" * 2000) for number in range(30)]
        queue.put_together([])
        queue.put_together(jobs)
        queue.put_together(jobs[:2], HOUR)
        assert sorted(self.visible(), key=lambda job: job.account) == jobs


def event(number: int) -> AccountEvent:
    """Return an event about an account."""
    return AccountEvent(
        account="abc",
        account_id="\u0645\u06cc\u200c\u0634\u0648\u062f",
        incarnation="incarnation-1",
        event=EventName.ACCOUNT_ADDED,
        version=str(number),
        at=START + timedelta(seconds=number),
        data={"account": "Ænna", "nothing": None},
    )
