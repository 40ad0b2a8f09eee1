"""Work from a queue: a failure fails the message, and shows nothing of what it was about."""

import logging
import traceback

import azure.functions as func
import pytest

from functions.work import work
from shared import bootstrap
from shared.domain.errors import WorkFailed
from tests.fakes.log import FakeLog
from tests.functions.client import Client

SUBJECT = "Quarterly-figures"


def test_a_failure_is_told_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host learns that the message failed; kind and place are in our line, the words nowhere."""
    log = FakeLog()
    monkeypatch.setattr(bootstrap, "log", lambda: log)

    @work
    def handler(message: func.QueueMessage) -> None:
        raise KeyError(message.get_body())

    given = func.QueueMessage(id="m1", body=SUBJECT)
    with pytest.raises(WorkFailed) as failed:
        handler(given)
    ((name, fields, problem),) = log.lines
    assert (name, problem) == ("message.failed", True)
    assert (fields["function"], fields["message"], fields["error"]) == ("handler", "m1", "KeyError")
    assert SUBJECT not in f"{fields}{''.join(traceback.format_exception(failed.value))}"


def test_what_is_told_already_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the use case told its failure, there is no second line."""
    log = FakeLog()
    monkeypatch.setattr(bootstrap, "log", lambda: log)

    @work
    def handler(message: func.QueueMessage) -> None:
        raise WorkFailed

    with pytest.raises(WorkFailed):
        handler(func.QueueMessage(id="m1", body=""))
    assert log.lines == []


@pytest.mark.parametrize("function", ["changes", "retries", "jobs"])
def test_a_message_that_cannot_be_read_shows_nothing(
    api: Client, function: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A message that is none of ours fails in every queue, without a word of it in the host's log."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(WorkFailed):
        api.run(function, f'{{"subject": "{SUBJECT}", "changes": "{SUBJECT}"}}'.encode())
    assert SUBJECT not in caplog.text
