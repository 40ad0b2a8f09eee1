"""Erasures: what goes, what stays for now, and when it is over."""

import json
from datetime import datetime, timedelta

import pytest

from shared.domain.accounts import account_key
from shared.domain.erasures import Erasure, Trace, TraceKind, without
from shared.domain.jobs import Job, JobBatch, JobKind, jobs_of
from tests.factories import an_account
from tests.fakes.clock import START

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HERE = {"month": "202603"}
ANNA = account_key("anna")
ASKED = Erasure(account="anna", asked=START, begun=START)
LIVING = an_account(incarnation="incarnation-2", created=START)


def at(learned: datetime, *, farewell: bool = False) -> Trace:
    """Return what was learned at a moment."""
    return Trace(("here",), "etag", learned=learned, farewell=farewell)


def of(owner: str) -> Trace:
    """Return a sighting of a registration."""
    return Trace(("here",), "etag", owner=owner)


def test_what_was_learned_before_goes() -> None:
    """What was learned up to the request goes, and what came late where nobody is registered under the id."""
    assert ASKED.concerns(at(START), None)
    assert ASKED.concerns(at(START), LIVING)
    assert ASKED.concerns(at(START + HOUR), None)


def test_another_registration_keeps_its_own() -> None:
    """What was learned after the request stays for who is registered by then, or was and is not any more."""
    assert not ASKED.concerns(at(START + timedelta(seconds=1)), LIVING)
    assert not ASKED.concerns(at(START + HOUR + timedelta(seconds=1)), None)


def test_a_sighting_is_its_registration_s() -> None:
    """A sighting goes whenever it was noted, unless it is of who is registered by now."""
    former = an_account().registration
    assert ASKED.concerns(of(former), None)
    assert ASKED.concerns(of(former), LIVING)
    assert not ASKED.concerns(of(LIVING.registration), LIVING)


def test_a_farewell_stays_while_it_may_be_delivered() -> None:
    """An `accountDeleted` under way stays until its last retry must be over."""
    assert ASKED.spares(at(START, farewell=True), START + 5 * DAY)
    assert not ASKED.spares(at(START, farewell=True), START + 6 * DAY)
    assert not ASKED.spares(at(START), START)


def test_a_pass_goes_from_kind_to_kind() -> None:
    """A pass takes every page of a kind before the next kind, counts each, and survives the queue at its end too."""
    page = ASKED.after(HERE, removed=7, left=1)
    assert (page.kind, page.position, page.deliveries) == (TraceKind.DELIVERIES, HERE, 7)
    payloads = page.after(None, removed=2, left=0)
    assert (payloads.kind, payloads.position, payloads.deliveries) == (TraceKind.PAYLOADS, None, 9)
    end = payloads.after(None, removed=1, left=0).after(None, removed=4, left=0)
    assert (end.kind, end.payloads, end.sightings, end.left) == (None, 1, 4, 1)
    job = Job(kind=JobKind.ERASE, account=ANNA, erasure=end)
    assert jobs_of(job.model_dump_json(exclude_defaults=True)) == (job,)


def test_a_pass_that_finds_nothing_is_the_last() -> None:
    """The first pass is followed by one an hour later, and so is each that found something."""
    following = ASKED.again(START, remains=False)
    assert following is not None
    second, wait = following
    assert (wait, second.begun, second.deliveries) == (HOUR, START + HOUR, 0)
    assert second.again(second.begun, remains=False) is None
    found = second.model_copy(update={"poison": 1}).again(second.begun, remains=False)
    assert found is not None
    assert found[1] == HOUR


@pytest.mark.parametrize(("left", "remains"), [(1, False), (0, True)], ids=["farewell", "own webhook"])
def test_what_must_stay_for_days_is_looked_for_then(left: int, *, remains: bool) -> None:
    """Where only the farewell or the account's own webhook is left, the next pass comes after their time."""
    second = ASKED.model_copy(update={"begun": START + HOUR, "left": left})
    following = second.again(START + HOUR, remains=remains)
    assert following is not None
    assert following[0].begun == START + 5 * DAY + 2 * HOUR
    later = second.again(START + 6 * DAY, remains=remains)
    assert later is not None
    assert later[1] == DAY


def test_a_message_loses_what_names_the_account() -> None:
    """Of a message of many, the others' part stays; one that is about the account alone goes as a whole."""
    mine, other = (Job(kind=JobKind.SWEEP, account=account_key(name)) for name in ("anna", "ben"))
    both = JobBatch(jobs=(mine, other)).model_dump_json(exclude_defaults=True)
    left = without(both, ANNA)
    assert left is not None
    assert jobs_of(left) == (other,)
    assert without(left, ANNA) == left
    for alone in (mine.model_dump_json(), JobBatch(jobs=(mine,)).model_dump_json(), f'["{ANNA}"]', f"{{{ANNA}"):
        assert without(alone, ANNA) is None
    named_beside = json.dumps({"jobs": [json.loads(other.model_dump_json())], "account": ANNA})
    assert without(named_beside, ANNA) is None
