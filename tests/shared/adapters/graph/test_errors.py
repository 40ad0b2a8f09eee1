"""What Graph's answers mean."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.graph.errors import Answer, content, read_error
from shared.domain.errors import MailboxRefused, TryLater

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)

Sample = Callable[[str], Answer]


@pytest.mark.parametrize(
    ("case", "wait"),
    [("throttled", timedelta(seconds=7)), ("throttled-until", timedelta(seconds=30)), ("extension-unavailable", None)],
)
def test_what_passes_says_how_long_to_wait(sample: Sample, case: str, wait: timedelta | None) -> None:
    """Throttling and outages are TryLater, with Retry-After in seconds or as a date, whatever wraps them."""
    error = read_error(sample(case), NOW)
    assert isinstance(error, TryLater)
    assert error.retry_after == wait


@pytest.mark.parametrize(
    ("case", "reason", "mend"),
    [
        ("access-denied", "ErrorAccessDenied", "Mail.Read"),
        ("extension-forbidden", "ExtensionError", "Mail.Read"),
        ("mailbox-unknown", "ErrorInvalidUser", "Check the address"),
        ("mailbox-on-premises", "MailboxNotEnabledForRESTAPI", "licence"),
        ("bad-request", "BadRequest", "its sentence says why"),
    ],
)
def test_what_a_human_must_mend_says_how(sample: Sample, case: str, reason: str, mend: str) -> None:
    """A refusal carries Graph's code and sentence, and what to do about it."""
    answer = sample(case)
    error = read_error(answer, NOW)
    assert isinstance(error, MailboxRefused)
    assert error.reason == reason
    assert mend in error.mend
    assert answer.body["error"]["message"] in str(error)


def test_a_fresh_token_that_is_refused_may_be_good_later() -> None:
    """401 after a new token is TryLater: a consent takes minutes to reach all of Graph."""
    answer = Answer(401, {}, {"error": {"code": "InvalidAuthenticationToken", "message": "no"}})
    assert isinstance(read_error(answer, NOW), TryLater)


@pytest.mark.parametrize("body", [None, [], "text"])
def test_success_without_a_body_is_no_success(body: object) -> None:
    """200 without an object in it is TryLater."""
    with pytest.raises(TryLater):
        content(Answer(200, {}, body), NOW)


def test_an_answer_that_is_no_json_is_judged_by_its_status() -> None:
    """A proxy's 502 page is TryLater."""
    assert isinstance(read_error(Answer(502, {}, None), NOW), TryLater)
