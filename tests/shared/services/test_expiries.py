"""Expiries: four notices before a credential's end, none lost, none twice, none about a credential that is gone."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.accounts import AccountState
from shared.domain.changes import InstanceEvent
from shared.domain.deliveries import DeliveryQuery
from shared.domain.due import DueKind
from shared.domain.errors import TryLater
from shared.domain.expiries import NOTICES
from shared.domain.folders import FolderTree
from shared.domain.jobs import Job, JobKind
from shared.domain.mailboxes import Registration
from shared.domain.oauth2 import NewOAuth2App, OAuth2App, OAuth2AppChange
from tests.factories import APP, CLIENT, TENANT
from tests.fakes.clock import START
from tests.fakes.faults import Faulty
from tests.fakes.webhooks import FAILED
from tests.shared.services.world import SPREAD, WRONG_SECRET, Died, Fate, Process, World, survive

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
EXPIRES = START + 35 * DAY
BODY = {"name": "Contoso", "provider": "outlookService", "clientId": CLIENT, "authority": TENANT}


def rotate(process: Process, expires: datetime | None) -> None:
    """Give the application a new secret through the API."""
    process.oauth2.change(APP, OAuth2AppChange(client_secret="8Q~new", client_secret_expires=expires))


def live(world: World, days: float) -> None:
    """Let the world go on for some days, a tick every hour or every six, each in a process of its own."""
    end = world.clock.now() + days * DAY
    step = HOUR if days < 1 else 6 * HOUR
    while world.clock.now() < end:
        process = world.process()
        process.timers.tick()
        process.work(until=timedelta(minutes=5))
        process.expand_queued()
        world.clock.advance(step - (world.clock.now() - START) % step)


def next_of(ahead: int) -> int:
    """Return the notice that follows one."""
    return NOTICES[NOTICES.index(ahead) + 1]


def told(world: World) -> list[int]:
    """Return of how many days each event that was posted speaks, in their order."""
    return [body["data"]["days"] for body in world.sender.bodies() if body["event"] == "oauthAppExpiring"]


def said(world: World) -> list[InstanceEvent]:
    """Return every notice that is queued, repeated ones too."""
    return [event for batch in world.changes.bodies() for event in batch.instance_events]


def entries(world: World) -> list[datetime]:
    """Return when the index holds a notice."""
    return [due.at for due in world.due.all() if due.kind is DueKind.EXPIRY]


def test_four_notices_lead_to_the_end(world: World, process: Process) -> None:
    """Over 40 days of ticks a secret is told of 30, 7 and 1 days before its end and at its end, each once, in order."""
    rotate(process, EXPIRES)
    live(world, 40)
    assert told(world) == [30, 7, 1, 0]
    assert [body["date"] for body in world.sender.bodies()] == [
        "2026-03-07T09:30:00.000Z",
        "2026-03-30T09:30:00.000Z",
        "2026-04-05T09:30:00.000Z",
        "2026-04-06T09:30:00.000Z",
    ]
    assert len({post.headers["webhook-id"] for post in world.sender.posts}) == 4
    assert world.log.problems().count("oauth2_app.expiring") == 4
    assert entries(world) == []


def test_the_payload_names_no_account(world: World, process: Process) -> None:
    """The event says what expires and when, and its account is null; its delivery is a row like any other."""
    rotate(process, EXPIRES)
    live(world, 5.1)
    (post,) = world.sender.posts
    assert post.body.decode() == (
        '{"serviceUrl":"https://relay.example.com","account":null,"date":"2026-03-07T09:30:00.000Z",'
        f'"event":"oauthAppExpiring","data":{{"app":"{APP}","name":"Contoso","clientId":"{CLIENT}",'
        '"credential":"clientSecret","expires":"2026-04-06T09:30:00.000Z","days":30}}'
    )
    (shown,) = world.process().deliveries.page(DeliveryQuery())["deliveries"]
    assert (shown["account"], shown["event"], shown["state"]) == (None, "oauthAppExpiring", "delivered")
    notice = world.process().oauth2.show(APP)["expiryNotice"]
    assert notice == {"date": "2026-03-07T09:30:00.000Z", "days": 30}


def test_a_failed_notice_is_retried(world: World, process: Process) -> None:
    """An endpoint that fails a notice gets it again, the same bytes under the same id."""
    rotate(process, START + 30 * DAY)
    world.sender.answer(FAILED)
    process.work()
    process.expand_queued()
    (retry,) = world.retries.bodies()
    world.clock.advance(timedelta(minutes=1))
    process.deliveries.attempt(retry, redelivered=False)
    first, second = world.sender.posts
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


@pytest.mark.parametrize(("left", "days"), [(31, [30, 7, 1, 0]), (20, [20, 7, 1, 0]), (3.5, [4, 1, 0]), (0.5, [1, 0])])
def test_a_late_date_begins_with_the_newest_notice(world: World, left: float, days: list[int]) -> None:
    """A date that is given late is told at once with the days that are left, and then as usual."""
    rotate(world.process(), START + left * DAY)
    live(world, 36)
    assert told(world) == days


def test_a_rotation_stops_the_rest(world: World, process: Process) -> None:
    """After a rotation without a date nothing more is told, and after one with a date only that one."""
    rotate(process, EXPIRES)
    live(world, 6)
    rotate(world.process(), None)
    assert world.process().oauth2.show(APP)["expiryNotice"] is None
    live(world, 40)
    assert told(world) == [30]
    later = world.clock.now() + 10 * DAY
    rotate(world.process(), later)
    live(world, 12)
    assert told(world) == [30, 10, 7, 1, 0]
    assert len({post.headers["webhook-id"] for post in world.sender.posts}) == 5


def test_a_removed_application_is_not_told_of(world: World, process: Process) -> None:
    """Notices of an application that was removed do nothing."""
    rotate(process, EXPIRES)
    process.oauth2.remove(APP, force=True)
    live(world, 40)
    assert told(world) == []
    assert world.jobs.bodies() == []


def test_the_same_date_again_tells_nothing_again(world: World, process: Process) -> None:
    """A configuration that is applied every day, or a PUT about something else, makes no notice come twice."""
    rotate(process, EXPIRES)
    for _ in range(40):
        live(world, 1)
        if world.clock.now() < EXPIRES:
            rotate(world.process(), EXPIRES)
        world.process().oauth2.change(APP, OAuth2AppChange(name="Contoso"))
    assert told(world) == [30, 7, 1, 0]


def test_a_date_is_corrected_without_the_secret(world: World, process: Process) -> None:
    """The end alone can be given, corrected and taken back; the secret stays, and notices follow the new end."""
    kept = world.apps.get(APP)
    process.oauth2.change(APP, OAuth2AppChange(client_secret_expires=START + 20 * DAY))
    process.oauth2.change(APP, OAuth2AppChange(client_secret_expires=EXPIRES))
    process.oauth2.change(APP, OAuth2AppChange(name="Fabrikam"))
    live(world, 6)
    assert told(world) == [30]
    world.process().oauth2.change(APP, OAuth2AppChange.model_validate({"clientSecretExpires": None}))
    now = world.apps.get(APP)
    assert kept is not None
    assert now is not None
    assert (now.value.secret, now.value.expires, now.value.notice) == (kept.value.secret, None, None)


def test_a_new_application_is_watched(world: World, process: Process) -> None:
    """An application that is registered with the end of its secret is told of like any."""
    given = {**BODY, "clientSecret": "s", "clientSecretExpires": "2026-04-06"}
    app = process.oauth2.register(NewOAuth2App.model_validate(given))
    live(world, 40)
    assert told(world) == [30, 7, 1, 0]
    assert {body["data"]["app"] for body in world.sender.bodies()} == {app}


# --- what goes wrong ---


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("ahead", NOTICES)
def test_a_crash_loses_no_notice(world: World, ahead: int, at: int, *, after: bool) -> None:
    """Whenever the process dies that tells a notice, it is told, under one id and with one body, and so is the rest."""
    rotate(world.process(), START + ahead * DAY + HOUR)
    live(world, 1 / 24)
    earlier = told(world)
    world.process().timers.tick()
    world.clock.advance(SPREAD)
    survive(world, at=at, after=after)
    assert len({event.model_dump_json() for event in said(world)}) == 1
    assert entries(world) == ([START + HOUR + (ahead - next_of(ahead)) * DAY] if ahead else [])
    live(world, ahead + 1)
    assert told(world) == [*earlier, *(each for each in NOTICES if each <= ahead)]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 6))
def test_a_crash_of_the_api_is_made_good_by_night(world: World, at: int, *, after: bool) -> None:
    """Whenever a rotation dies that has stored the secret's end, the next night schedules the notices."""
    with pytest.raises(Died):
        rotate(world.process(Fate(at=at, after=after).over), EXPIRES)
    world.process().expiries.repair()
    stored = world.apps.get(APP)
    assert stored is not None
    expected = [EXPIRES - 30 * DAY] if stored.value.expires else []
    assert entries(world) == expected


def test_an_index_that_fails_costs_no_rotation(world: World) -> None:
    """While the index does not answer the rotation goes through; the log tells, and the night makes it good."""
    index = Faulty(world.due)
    index.fail("put", TryLater("Storage is busy."))
    rotate(world.process(lambda port: index.port if port is world.due else port), EXPIRES)
    assert world.log.problems() == ["oauth2_app.unscheduled"]
    live(world, 1)
    world.process().expiries.repair()
    live(world, 39)
    assert told(world) == [30, 7, 1, 0]


def test_every_night_changes_nothing(world: World, process: Process) -> None:
    """Looked after every night, an application is told of four times and has one entry at most."""
    rotate(process, EXPIRES)
    for _ in range(40):
        world.process().expiries.repair()
        assert len(entries(world)) <= 1
        live(world, 1)
    assert told(world) == [30, 7, 1, 0]


def test_a_long_outage_tells_the_newest_only(world: World, process: Process) -> None:
    """After weeks without a tick the next night tells what is true now, and nothing that no longer is."""
    rotate(process, EXPIRES)
    world.clock.advance(30 * DAY)
    live(world, 0.1)
    assert told(world) == []
    world.process().expiries.repair()
    live(world, 6)
    assert told(world) == [5, 1, 0]


def test_a_clock_that_is_behind_loses_no_notice(world: World, process: Process) -> None:
    """A job that comes too early tells nothing, and comes again."""
    rotate(process, EXPIRES)
    world.due.remove(world.due.all())
    early = Job(kind=JobKind.EXPIRY, app=APP, at=EXPIRES - 30 * DAY)
    process.jobs.run(early)
    assert (said(world), entries(world)) == ([], [EXPIRES - 30 * DAY])


def test_a_rotation_beside_a_notice_wins(world: World) -> None:
    """A notice whose application changes at that moment looks again, and leaves the new secret as it is."""
    rotate(world.process(), START + 30 * DAY)

    class Raced:
        """Has somebody rotate the secret right before a write."""

        def replace(self, app: OAuth2App, etag: str) -> None:
            rotate(world.process(), EXPIRES)
            world.apps.replace(app, etag)

        def __getattr__(self, name: str) -> Any:
            return getattr(world.apps, name)

    raced = Raced()
    world.process(lambda port: raced if port is world.apps else port).work()
    stored = world.apps.get(APP)
    assert stored is not None
    assert (stored.value.expires, stored.value.notice) == (EXPIRES, None)
    assert len(said(world)) == 1


# --- after a rotation ---


def test_accounts_recover_after_a_rotation(world: World) -> None:
    """Accounts that an expired secret took down are connected after one PUT, though another process serves them."""
    former = world.apps.get(APP)

    class Expired:
        """Refuses who signs in with the former secret."""

        def probe(self, app: OAuth2App, user: str, registration: Registration | None = None) -> FolderTree:
            if former is not None and app.secret == former.value.secret:
                raise WRONG_SECRET
            return world.mailboxes.probe(app, user)

    expired = Expired()
    other = world.process(lambda port: expired if port is world.mailboxes else port)
    names = ("anna", "ben", "carl")
    for name in names:
        account = world.connected(name)
        world.live(account)
        world.queue(account, JobKind.RECONNECT)
    other.work(until=timedelta())
    assert {world.account(name).state for name in names} == {AccountState.AUTHENTICATION_ERROR}
    rotate(world.process(), EXPIRES)
    other.work(until=timedelta(seconds=1))
    assert {world.account(name).state for name in names} == {AccountState.CONNECTED}
    assert {world.account(name).last_error for name in names} == {None}
    assert [event.event for event in world.said()] == ["authenticationError"] * 3 + ["authenticationSuccess"] * 3
    assert len(world.subscriptions.live) == 3
