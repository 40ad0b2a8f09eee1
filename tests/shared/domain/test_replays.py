"""Replays: their pace, their pages, and where they end."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from shared.domain.deliveries import DeliveryState
from shared.domain.jobs import Job, JobKind
from shared.domain.replays import NewReplay, Replay, is_kept, planned
from tests.factories import a_delivery
from tests.fakes.clock import START

DAY = timedelta(days=1)
HERE = {"PartitionKey": "1", "RowKey": "2"}


def test_a_replay_goes_from_state_to_state() -> None:
    """Every page of a state comes before the next state, and the last page of the last state is the end."""
    replay = planned(NewReplay(since=START - DAY, until=START), "replay-1")
    assert [replay.query.state, replay.query.webhook] == [DeliveryState.FAILED, "default"]
    second = replay.after(HERE, 7)
    assert second is not None
    assert (second.states, second.position, second.queued) == (replay.states, HERE, 7)
    third = second.after(None, 2)
    assert third is not None
    assert (third.query.state, third.position, third.queued) == (DeliveryState.PARKED, None, 9)
    assert third.after(None, 0) is None


def test_a_replay_survives_the_queue() -> None:
    """A message says all that the next page needs."""
    replay = planned(NewReplay(since=START - DAY, until=START), "replay-1").after(HERE, 7)
    job = Job(kind=JobKind.REPLAY, replay=replay)
    assert Job.model_validate_json(job.model_dump_json()) == job


@pytest.mark.parametrize(("pace", "page"), [(1, 1), (60, 60), (600, 100)])
def test_a_page_takes_as_long_as_its_attempts(pace: int, page: int) -> None:
    """A page holds at most a minute's attempts, and the next one waits until they are made."""
    replay = Replay(id="replay-1", webhook="default", states=(DeliveryState.PARKED,), per_minute=pace)
    assert replay.page_size == page
    assert replay.pause(page) == timedelta(minutes=page / pace)


@pytest.mark.parametrize("wrong", [{"until": START - DAY}, {"states": []}, {"per_minute": 0}, {"colour": "red"}])
def test_a_replay_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    """An end before the beginning, no state, no pace, or a word that we do not know is refused."""
    with pytest.raises(ValidationError):
        NewReplay.model_validate({"since": START, "until": START + DAY, **wrong})


def test_bytes_are_kept_until_they_expire() -> None:
    """A delivery is there to be sent up to the moment at which its payload expires."""
    delivery = a_delivery(payload_expires=START)
    assert [is_kept(delivery, START), is_kept(delivery, START + timedelta(seconds=1))] == [True, False]
