"""Jobs: small messages that survive the queue."""

import pytest
from pydantic import ValidationError

from shared.domain.jobs import Job, JobBatch, JobKind, jobs_of


@pytest.mark.parametrize("kind", JobKind)
def test_a_job_is_read_back(kind: JobKind) -> None:
    """A job of every kind survives the queue, with its version."""
    job = Job(kind=kind, account="key", incarnation="1", subscription="sub-1")
    assert Job.model_validate_json(job.model_dump_json()) == job
    assert '"v":1' in job.model_dump_json()


def test_a_job_has_a_kind() -> None:
    """A job of no kind is refused; one of a kind that only a newer version knows is read, and stays what it is."""
    with pytest.raises(ValidationError):
        Job.model_validate_json('{"account":"key"}')
    assert Job.model_validate_json('{"kind":"dance","account":"key"}').kind == "dance"


def test_a_message_holds_one_job_or_a_batch() -> None:
    """Whoever takes a message need not know which of the two it is; anything else is refused."""
    job = Job(kind=JobKind.SWEEP, account="key")
    assert jobs_of(job.model_dump_json()) == (job,)
    assert jobs_of(JobBatch(jobs=(job, job)).model_dump_json().encode()) == (job, job)
    with pytest.raises(ValidationError):
        jobs_of('{"jobs":[{"account":"key"}]}')
