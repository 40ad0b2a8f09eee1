"""Jobs: small messages that survive the queue."""

import pytest
from pydantic import ValidationError

from shared.domain.jobs import Job, JobKind


@pytest.mark.parametrize("kind", JobKind)
def test_a_job_is_read_back(kind: JobKind) -> None:
    """A job of every kind survives the queue, with its version."""
    job = Job(kind=kind, account="key", incarnation="1", subscription="sub-1")
    assert Job.model_validate_json(job.model_dump_json()) == job
    assert '"v":1' in job.model_dump_json()


def test_an_unknown_job_is_refused() -> None:
    """A job of a kind or with a field that this release does not know is refused, not guessed at."""
    for text in ('{"kind":"dance","account":"key"}', '{"kind":"connect","account":"key","when":"now"}'):
        with pytest.raises(ValidationError):
            Job.model_validate_json(text)
