"""The log: one JSON line per unit of work, and never a word of the mail in it."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.log import JsonLog, Tee
from shared.domain.deliveries import Outcome
from shared.domain.messages import Address, Attachment, Body
from shared.domain.oauth2 import OAuth2AppChange
from shared.domain.tokens import NewPermissions, NewToken
from tests.factories import MESSAGE, a_change, a_message
from tests.fakes.clock import START
from tests.shared.services.world import SERVICE_SECRET, World

OWN = "https://relay:hunter2@receiver.example.com/hook"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return what was logged, parsed."""
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "relay365"]


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    """Have every level logged."""
    caplog.set_level(logging.DEBUG)


def test_an_event_is_one_line_of_json(caplog: pytest.LogCaptureFixture) -> None:
    """An event is a JSON object with its name and fields; what is None is left out, and lines break nothing."""
    JsonLog().event("delivery.attempted", status=200, error=None, at=START, reason="two\nlines, 世\u200d界")
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert lines(caplog) == [
        {"event": "delivery.attempted", "status": 200, "at": str(START), "reason": "two\nlines, 世\u200d界"}
    ]
    assert record.levelno == logging.INFO


def test_a_problem_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """What an operator should look at is a warning."""
    JsonLog().problem("webhook.disabled", webhook="default")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_tee_tells_every_log(caplog: pytest.LogCaptureFixture) -> None:
    """Every log behind a tee is told the same, problems as problems."""
    tee = Tee([JsonLog(), JsonLog()])
    tee.event("delivery.attempted", status=200)
    tee.problem("webhook.disabled")
    assert [line["event"] for line in lines(caplog)] == ["delivery.attempted"] * 2 + ["webhook.disabled"] * 2
    assert [record.levelno for record in caplog.records] == [logging.INFO] * 2 + [logging.WARNING] * 2


def test_what_nobody_collects_is_not_written(caplog: pytest.LogCaptureFixture) -> None:
    """With warnings only, an event costs no line."""
    caplog.set_level(logging.WARNING, logger="relay365")
    JsonLog().event("delivery.attempted")
    assert caplog.records == []


@pytest.mark.parametrize(
    "library",
    ["azure.core.pipeline.policies.http_logging_policy", "azure.identity", "msal.token_cache", "urllib3.util.retry"],
)
def test_libraries_do_not_tell_their_requests(library: str, caplog: pytest.LogCaptureFixture) -> None:
    """Where everything from Information on is collected, the vendors' libraries tell no address and no header."""
    caplog.set_level(logging.INFO)
    JsonLog()
    assert not logging.getLogger(library).isEnabledFor(logging.INFO)
    assert not logging.getLogger("urllib3.connectionpool").isEnabledFor(logging.WARNING)


def test_a_whole_run_logs_no_mail_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """From rotation and registration to retry, neither mail nor token nor secret is in any line."""
    world = World()
    world.furnish()
    world.connected()
    world.hook("default", OWN, headers=world.vault.put("headers", '{"Authorization":"Bearer of-the-customer"}'))
    mail = {
        "subject": "Quarterly-figures",
        "author": Address("Jüri-Õun", "juri@sender.example"),
        "to": (Address("Anna-Smith", "anna-smith@contoso.com"),),
        "cc": (Address("Carl-Cc", "carl@contoso.com"),),
        "preview": "Confidential-preview",
        "body": Body("html", "<p>Confidential-body</p>"),
        "headers": {"x-secret-header": ("Confidential-header",)},
        "attachments": (Attachment("a1", "text/plain", 9, inline=False, filename="Confidential-file.txt"),),
    }
    world.reader.keep(a_message(**mail))
    world.sender.answer(Outcome(status=500, milliseconds=3))
    process = world.process(log=JsonLog())
    process.oauth2.change(world.account().app, OAuth2AppChange(client_secret="rotated-client-secret"))
    process.work()
    reading = NewToken(description="CRM", permissions=NewPermissions(actions=("read",), groups=("account",)))
    token = process.tokens.make(reading)["token"]
    process.expand(a_change())
    world.clock.advance(timedelta(minutes=1))
    (retry,) = world.retries.take()
    process.deliveries.attempt(retry.body, redelivered=False)
    said = "\n".join(record.getMessage() for record in caplog.records)
    told = [line["event"] for line in lines(caplog)]
    assert told.count("delivery.attempted") == 2
    assert {"changes.expanded", "app.changed", "token.made"} <= set(told)
    assert len(world.sender.posts) == 2
    secrets = [token, SERVICE_SECRET, "rotated-client-secret", "client-secret-of-the-app", "of-the-customer", "hunter2"]
    words = ["Quarterly", "Confidential", "sender.example", "Jüri", "Anna-Smith", "anna-smith@", "carl@", MESSAGE]
    assert [word for word in [*secrets, *words] if word in said] == []
