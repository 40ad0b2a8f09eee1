"""Sweeps: what no notification told is told all the same, once, and nothing else is."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.accounts import Account, AccountState
from shared.domain.changes import ChangeKind
from shared.domain.errors import NotReachable, TryLater
from shared.domain.jobs import JobKind
from shared.domain.oauth2 import OAuth2App
from shared.domain.registrations import AccountChange, NewAccount
from shared.domain.sightings import Sighting, sighting_key
from shared.ports.microsoft365 import Glance
from tests.factories import APP, a_change, a_message
from tests.fakes.clock import START
from tests.fakes.history import FakeHistory
from tests.shared.services.world import BUSY, NO_CONSENT, OWN, POLL, SWEEP, WRONG_SECRET, Process, World, survive

MINUTE = timedelta(minutes=1)
UNREACHED = NotReachable("Graph cannot reach https://relay.example.com.")
NOW = timedelta(seconds=1)


def swept(world: World, **changes: Any) -> Account:
    """Keep an account that was swept half an hour ago, and whose next sweep is queued."""
    values = {"watched_since": START - timedelta(hours=2), "swept": START - 30 * MINUTE, "next_sweep": START}
    account = world.connected(**{**values, **changes})
    if account.subscription is not None:
        world.live(account)
    world.queue(account, JobKind.SWEEP, at=START)
    return account


def mail(name: str, minutes: float = 6, **changes: Any) -> Any:
    """Return a message that came some minutes before the world began."""
    came = START - minutes * MINUTE
    return a_message(id=name, **{"received": came, "created": came, "modified": came, **changes})


def known(world: World, account: Account, *names: str) -> None:
    """Have messages known as they are."""
    messages = [world.history.messages[name] for name in names]
    world.sightings.put({sighting_key(account.key, m.id, m.received): Sighting.of(m) for m in messages})


def queued(world: World) -> list[tuple[ChangeKind, str]]:
    """Return what the queue of changes holds about messages."""
    return [(change.kind, change.message) for batch in world.changes.bodies() for change in batch.changes]


def told(world: World) -> list[tuple[str, str]]:
    """Return which events were posted about which messages."""
    return [(body["event"], body["data"]["id"]) for body in world.sender.bodies()]


# --- what a sweep finds ---


def test_mail_that_nobody_announced_is_told_once(world: World, process: Process) -> None:
    """Mail that no notification told is a messageNew, one, however often the mailbox is swept and Graph comes late."""
    swept(world)
    world.history.deliver(mail("silent"), mail("silent-in-archive", folder="archive-id"))
    process.go_on(until=timedelta(hours=2))
    process.expand(a_change(message="silent"))
    world.process().expand(a_change(message="silent", kind=ChangeKind.UPDATED))
    assert told(world) == [("messageNew", "silent"), ("messageNew", "silent-in-archive")]
    assert len(world.history.calls) >= 5


def test_what_a_sweep_found_can_be_followed(world: World, process: Process) -> None:
    """What one look found has the correlation of its line, up to the delivery; another look has another."""
    swept(world)
    world.history.deliver(mail("silent"))
    process.go_on(until=timedelta(hours=1))
    world.history.deliver(mail("later", -61))
    process.go_on(until=timedelta(hours=1))
    assert [line["correlation"] for line in world.log.named("account.swept")] == [
        line["correlation"] for line in world.log.named("delivery.attempted")
    ]
    assert len({line["correlation"] for line in world.log.named("account.swept")}) == 2


@pytest.mark.parametrize(("before", "line"), [({}, []), ({"swept": None}, [(False, 0)])], ids=["idle", "first"])
def test_a_look_that_finds_nothing_is_silent(
    world: World, process: Process, before: dict[str, Any], line: list[tuple[bool, int]]
) -> None:
    """A sweep that finds nothing has no line of its own, unless it is an account's first; one asked for always has."""
    account = swept(world, **before)
    process.work(until=NOW)
    assert [(look["asked"], look["changes"]) for look in world.log.named("account.swept")] == line
    world.queue(account, JobKind.CATCH_UP)
    process.work(until=NOW)
    assert [(look["asked"], look["changes"]) for look in world.log.named("account.swept")] == [*line, (True, 0)]


def test_a_removal_has_its_look_told(world: World, process: Process) -> None:
    """A sweep that finds nothing but a removal in a watched folder has found something."""
    account = swept(world)
    process.go_on(until=2 * SWEEP)
    came = world.clock.now()
    world.history.deliver(a_message(id="gone", received=came, created=came, modified=came))
    known(world, account, "gone")
    process.go_on(until=2 * SWEEP)
    assert world.log.named("account.swept") == []
    world.history.delete("gone")
    process.go_on(until=2 * SWEEP)
    assert [look["changes"] for look in world.log.named("account.swept")] == [1]


def test_known_mail_is_not_expanded_again(world: World, process: Process) -> None:
    """Mail that a notification told costs no change and no second reading."""
    account = swept(world)
    world.history.deliver(mail("known"))
    known(world, account, "known")
    process.work(until=NOW)
    assert (queued(world), world.account().silent_finds) == ([], 0)


@pytest.mark.parametrize("number", [1, 10])
def test_much_mail_at_once_is_a_crowd(world: World, process: Process, number: int) -> None:
    """What a look finds is marked as crowded where it is much."""
    swept(world)
    world.history.deliver(*(mail(f"m{each}") for each in range(number)))
    process.work(until=NOW)
    found = [change.crowded for batch in world.changes.bodies() for change in batch.changes]
    assert found == [number > 1] * number


def test_young_mail_is_left_to_its_notification(world: World, process: Process) -> None:
    """Mail of the last minutes is not taken from its notification; the next sweep takes what is still unknown."""
    swept(world)
    world.history.deliver(mail("young", 2))
    process.work(until=NOW)
    assert queued(world) == []
    process.go_on(until=SWEEP + timedelta(minutes=10))
    assert told(world) == [("messageNew", "young")]


def test_mail_from_before_the_watch_is_no_news(world: World, process: Process) -> None:
    """What came before the account was watched is not told, though the first sweep looks back."""
    swept(world, watched_since=START - 8 * MINUTE, swept=None)
    world.history.deliver(mail("old", 9), mail("new", 7))
    process.work(until=NOW)
    assert queued(world) == [(ChangeKind.CREATED, "new")]


def test_flags_and_removals_in_a_watched_folder_are_told(world: World, process: Process) -> None:
    """In a watched folder a sweep finds what was flagged, moved away and deleted since it is followed."""
    account = swept(world)
    # A folder's first round does not tell of removals; Graph's is the same.
    process.go_on(until=2 * SWEEP)
    names = ("read", "moved", "deleted")
    came = world.clock.now()
    world.history.deliver(*(a_message(id=name, received=came, created=came, modified=came) for name in names))
    known(world, account, *names)
    process.go_on(until=2 * SWEEP)
    assert told(world) == []
    world.history.flag("read", "\\Seen")
    world.history.move("moved", "archive-id")
    world.history.delete("deleted")
    process.go_on(until=2 * SWEEP)
    assert sorted(told(world)) == [
        ("messageDeleted", "deleted"),
        ("messageMoved", "moved"),
        ("messageUpdated", "read"),
    ]


def test_old_mail_that_was_touched_in_silence_is_told(world: World, process: Process) -> None:
    """A mark on mail of last year, and a move of known mail, in no watched folder, are told once."""
    account = swept(world)
    world.history.deliver(mail("old", 500_000, folder="archive-id"), mail("known", 90, folder="archive-id"))
    known(world, account, "known")
    world.history.flag("old", "\\Flagged")
    world.history.move("known", "sent-id")
    process.go_on(until=timedelta(hours=2))
    assert sorted(told(world)) == [("messageMoved", "known"), ("messageUpdated", "old")]


def test_an_echo_is_no_event(world: World, process: Process) -> None:
    """Mail that was modified, and is as we know it, is neither told nor a sign of silence."""
    account = swept(world)
    world.history.deliver(mail("echo", 90))
    known(world, account, "echo")
    world.history.flag("echo")
    process.go_on(until=timedelta(hours=2))
    assert (told(world), world.account().silent_finds, world.reader.rounds) == ([], 0, [])


def test_marks_that_nobody_announces_recreate_the_subscription(world: World, process: Process) -> None:
    """Two sweeps in a row that find marks of which Graph was long silent replace the subscription."""
    account = swept(world)
    world.history.deliver(mail("marked", 90))
    known(world, account, "marked")
    for flag in ("\\Seen", "\\Flagged"):
        world.history.flag("marked", flag)
        world.clock.advance(5 * MINUTE)
        process.go_on(until=SWEEP / 2)
        assert world.account().silent_finds == (1 if flag == "\\Seen" else 0)
        world.clock.advance(SWEEP / 4)
    assert world.subscriptions.created == 1


def test_a_forgotten_link_makes_no_false_events(world: World, process: Process) -> None:
    """Where Graph forgets how far a folder was followed, it is followed from then on, and nothing is made up."""
    account = swept(world)
    process.go_on(until=2 * SWEEP)
    world.history.deliver(mail("known"))
    known(world, account, "known")
    process.go_on(until=2 * SWEEP)
    world.history.forget()
    process.go_on(until=2 * SWEEP)
    assert told(world) == []
    assert "folder.reset" in world.log.problems()
    lines = len(world.log.named("folder.reset"))
    process.go_on(until=3 * SWEEP)
    assert len(world.log.named("folder.reset")) == lines


def test_an_idle_sweep_is_one_call(world: World, process: Process) -> None:
    """Where nothing happened a sweep calls Graph once, and writes a cursor only when it moved."""
    swept(world)
    process.go_on(until=timedelta(hours=3))
    assert set(world.history.calls) == {"glance"}
    assert 8 <= len(world.history.calls) <= 10
    assert world.cursors.writes <= 2
    assert world.reader.rounds == []


# --- pages ---


def test_a_listing_goes_on_page_by_page(world: World) -> None:
    """A listing of four pages is one sweep and three more jobs, and all of it is told once."""
    world.history = FakeHistory(world.clock, world.reader.messages, page=2)
    swept(world)
    names = [f"mail-{number}" for number in range(5)]
    world.history.deliver(*(mail(name, 20 - number) for number, name in enumerate(names)))
    process = world.process()
    process.work(until=NOW)
    assert world.history.calls.count("list") == 3
    process.expand_queued()
    assert sorted(told(world)) == [("messageNew", name) for name in names]


def test_a_folders_round_goes_on_page_by_page(world: World) -> None:
    """Five changes at two a page are followed to the end of the round, where the next one begins."""
    world.history = FakeHistory(world.clock, world.reader.messages, page=2)
    account = swept(world, watched_since=START - timedelta(days=9))
    process = world.process()
    process.go_on(until=2 * SWEEP)
    names = [f"mail-{number}" for number in range(5)]
    # Copied into the folder from elsewhere: too old for the listing.
    came = world.clock.now() - 30 * MINUTE
    moments = {"received": came, "created": came, "modified": came}
    world.history.deliver(*(a_message(id=name, folder="archive-id", **moments) for name in names))
    known(world, account, *names)
    cursor = world.cursors.get(account.key)
    for name in names:
        world.history.move(name, "inbox-id")
    process.go_on(until=2 * SWEEP)
    assert world.cursors.get(account.key) != cursor
    assert set(world.history.calls) <= {"glance", "list", "follow"}
    assert sorted(told(world)) == [("messageMoved", name) for name in names]


@pytest.mark.parametrize(("trouble", "problem"), [(BUSY, None), (NO_CONSENT, "catch_up.refused")])
def test_a_page_that_fails_is_asked_for_again(world: World, trouble: Exception, problem: str | None) -> None:
    """A page that Graph would not give is asked for later, and costs no event."""
    world.history = FakeHistory(world.clock, world.reader.messages, page=2)
    swept(world)
    world.history.troubles.add(None, trouble)
    world.history.deliver(*(mail(f"mail-{number}") for number in range(3)))
    process = world.process()
    process.work(until=timedelta(minutes=45))
    process.expand_queued()
    assert len(told(world)) == 3
    assert [name for name in world.log.problems() if name == "catch_up.refused"] == ([problem] if problem else [])


# --- the chain ---


def test_a_sweep_names_the_next(world: World, process: Process) -> None:
    """After a sweep the row names the next one, which waits in the due index and is the only one."""
    account = swept(world)
    process.work(until=NOW)
    row = world.account()
    assert (row.swept, row.next_sweep) == (START, START + SWEEP)
    assert [(due.subject, due.at) for due in world.due.all()] == [(account.key, START + SWEEP)]


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_sweeps_are_jittered(world: World, process: Process, chance: float) -> None:
    """The next sweep is a quarter of the interval sooner or later, by chance."""
    world.randomness.chance = chance
    swept(world)
    process.work(until=NOW)
    following = world.account().next_sweep
    assert following is not None
    assert following - START == SWEEP * (0.75 + 0.5 * chance)


@pytest.mark.parametrize("stale", ["earlier", "unnamed", "run already"])
def test_a_stale_chain_does_nothing(world: World, process: Process, stale: str) -> None:
    """A sweep that the row does not name, or that ran already, asks nobody and makes no chain."""
    account = swept(world)
    (due,) = world.jobs.bodies()
    if stale == "run already":
        process.work(until=NOW)
    else:
        due = due.model_copy(update={"at": START - MINUTE if stale == "earlier" else None})
    calls, row = len(world.history.calls), world.accounts.get(account.key)
    process.jobs.run(due)
    assert (len(world.history.calls), world.accounts.get(account.key)) == (calls, row)


def test_a_throttled_sweep_keeps_the_chain(world: World, process: Process) -> None:
    """A sweep that Graph puts off is made when Graph said, under its own name, and the chain goes on."""
    swept(world)
    world.history.troubles.add(TryLater("Graph is throttled.", timedelta(seconds=77)))
    process.work(until=NOW)
    (message,) = world.jobs.waiting()
    assert (message.body.at, message.due) == (START, START + timedelta(seconds=77))
    assert [line["error"] for line in world.log.named("account.unswept")] == ["Graph is throttled."]
    process.work(until=2 * MINUTE)
    assert (world.account().swept, len(world.due.all())) == (START + timedelta(seconds=77), 1)


@pytest.mark.parametrize("refusal", [NO_CONSENT, WRONG_SECRET])
def test_a_refused_sweep_has_the_connection_find_out(world: World, process: Process, refusal: Exception) -> None:
    """A refusal is not the sweep's to tell: the account reconnects, and where that works the chain goes on."""
    swept(world)
    world.history.troubles.add(refusal)
    process.work(until=NOW)
    assert len(world.mailboxes.probed) == 1
    process.go_on(until=timedelta(hours=1))
    assert world.account().state is AccountState.CONNECTED
    assert (world.account().swept or START) > START


@pytest.mark.parametrize("minutes", [1, 25, 50])
def test_the_chain_outlives_a_failure(world: World, process: Process, minutes: int) -> None:
    """A sweep that comes due while its account cannot connect is made up for when it can again."""
    account = swept(world)
    world.rewrite(account, state=AccountState.CONNECT_ERROR)
    process.work(until=NOW)
    world.clock.advance(minutes * MINUTE)
    world.queue(account, JobKind.RECONNECT)
    process.go_on(until=timedelta(hours=2))
    assert world.account().state is AccountState.CONNECTED
    assert (world.account().swept or START) > START + timedelta(hours=1)


def test_the_chain_outlives_a_reconnection(world: World, process: Process) -> None:
    """A sweep that comes due while its account is being reconnected does not end the chain."""
    account = swept(world)
    (due,) = world.jobs.take()
    world.jobs.done(due)
    world.queue(account, JobKind.RECONNECT)

    def sweep() -> None:
        world.mailboxes.meanwhile = lambda: None
        world.process().jobs.run(due.body)

    world.mailboxes.meanwhile = sweep
    process.go_on(until=timedelta(hours=2))
    assert (world.account().swept or START) > START + timedelta(hours=1)


def test_the_chain_of_who_polls_outlives_an_attempt(world: World, process: Process) -> None:
    """A sweep of a polling account, made beside an attempt to subscribe, names the next one for good."""
    account = swept(world, polling=True, subscription=None)
    (due,) = world.jobs.take()
    world.jobs.done(due)
    world.queue(account, JobKind.RECONNECT)
    world.subscriptions.troubles.add(*[UNREACHED] * 30)

    def sweep() -> None:
        world.mailboxes.meanwhile = lambda: None
        world.process().jobs.run(due.body)

    world.mailboxes.meanwhile = sweep
    process.go_on(until=timedelta(minutes=20))
    assert (world.account().swept or START) > START + 15 * MINUTE


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 16))
def test_a_crash_of_a_sweep_loses_nothing(world: World, at: int, *, after: bool) -> None:
    """Whenever the process dies, the mail is told once, and one chain goes on."""
    world.history = FakeHistory(world.clock, world.reader.messages, page=2)
    swept(world)
    world.history.deliver(*(mail(f"mail-{number}") for number in range(3)))
    survive(world, at=at, after=after)
    world.process().go_on(until=timedelta(hours=1))
    assert sorted(told(world)) == [("messageNew", f"mail-{number}") for number in range(3)]
    waiting = [job for job in world.jobs.bodies() if job.kind is JobKind.SWEEP]
    named = world.account().next_sweep
    assert [*(job.at for job in waiting), *(due.at for due in world.due.all())].count(named) == 1
    assert (world.account().swept or START) > START + 30 * MINUTE


# --- what a sweep mends ---


def test_two_silent_finds_recreate_the_subscription(world: World, process: Process) -> None:
    """One sweep that finds unannounced mail may be an accident; after the second in a row the subscription is new."""
    swept(world)
    world.history.deliver(mail("first"))
    process.work(until=NOW)
    assert (world.account().silent_finds, world.subscriptions.created) == (1, 0)
    process.expand_queued()
    came = world.clock.now() + 5 * MINUTE
    world.history.deliver(a_message(id="second", received=came, created=came, modified=came))
    process.go_on(until=2 * SWEEP)
    row = world.account()
    assert row.subscription is not None
    assert world.subscriptions.of(row.user) == [row.subscription.id] == ["subscription-1"]
    assert row.silent_finds == 0
    assert told(world) == [("messageNew", "first"), ("messageNew", "second")]


def test_a_find_between_quiet_sweeps_is_an_accident(world: World, process: Process) -> None:
    """A sweep that finds nothing ends the count, so two finds that are not in a row leave the subscription."""
    swept(world, silent_finds=1)
    process.go_on(until=SWEEP / 2)
    assert world.account().silent_finds == 0
    came = world.clock.now()
    world.history.deliver(a_message(id="later", received=came, created=came, modified=came))
    process.go_on(until=2 * SWEEP)
    assert (told(world), world.subscriptions.created) == ([("messageNew", "later")], 0)


def test_a_lost_renewal_is_noticed(world: World, process: Process) -> None:
    """A subscription that should have been renewed long ago is renewed by the next sweep."""
    account = swept(world)
    assert account.subscription is not None
    world.rewrite(account, subscription=account.subscription.model_copy(update={"expires": START + 39 * 60 * MINUTE}))
    process.work(until=NOW)
    assert world.subscriptions.renewed == ["subscription-of-anna"]


# --- catching up ---


@pytest.mark.parametrize("by", ["lifecycle", "sync"])
def test_missed_mail_is_caught_up(world: World, process: Process, by: str) -> None:
    """`missed` from Graph, and a sync that is asked for, look at once and leave the chain alone."""
    account = swept(world, next_sweep=START + SWEEP)
    world.history.deliver(mail("missed"))
    if by == "lifecycle":
        world.queue(account, JobKind.CATCH_UP, subscription="subscription-of-anna")
    else:
        process.accounts.sync("anna")
    process.work(until=NOW)
    process.expand_queued()
    assert told(world) == [("messageNew", "missed")]
    assert (world.account().next_sweep, world.account().swept) == (START + SWEEP, account.swept)


@pytest.mark.parametrize("how", ["moved", "registered again"])
def test_another_mailbox_is_followed_from_its_beginning(world: World, how: str) -> None:
    """A folder's link leads into the mailbox that it was made for, so it does not go along to another one."""
    asked: list[tuple[str, dict[str, str | None]]] = []

    class Watched:
        """Notes whose mailbox is looked at, and from which links on."""

        def glance(self, app: OAuth2App, user: str, since: datetime, links: dict[str, str | None]) -> Glance:
            asked.append((user, links))
            return world.history.glance(app, user, since, links)

    watched = Watched()
    swept(world, user="old@contoso.com")
    process = world.process(lambda port: watched if port is world.history else port)
    process.work(until=NOW)
    oauth2 = {"provider": APP, "auth": {"user": "new@contoso.com"}}
    if how == "moved":
        process.change("anna", AccountChange.model_validate({"oauth2": oauth2}))
    else:
        process.accounts.remove("anna")
        process.register(NewAccount.model_validate({"account": "anna", "oauth2": oauth2}))
    process.go_on(until=4 * SWEEP)
    first, *_, last = [links for user, links in asked if user == "new@contoso.com"]
    assert first == {"inbox-id": None}
    assert last["inbox-id"]


@pytest.mark.parametrize("kind", [JobKind.SWEEP, JobKind.CATCH_UP])
def test_a_removed_account_is_not_looked_at(world: World, process: Process, kind: JobKind) -> None:
    """A look at an account that was removed asks nobody."""
    account = swept(world, webhooks=OWN)
    job = world.queue(account, kind, at=START)
    world.rewrite(account, state=AccountState.DELETED)
    process.jobs.run(job)
    assert world.history.calls == []


# --- polling ---


@pytest.mark.parametrize("why", ["unreachable", "no address"])
def test_where_graph_cannot_call_us_the_account_polls(world: World, why: str) -> None:
    """Without a subscription the account is connected, shows that it polls, and tells mail each poll interval."""
    if why == "no address":
        world.set(service_url=None)
    world.subscriptions.troubles.add(*[UNREACHED] * 30)
    world.registered()
    process = world.process()
    process.go_on(until=timedelta(minutes=20))
    shown = process.accounts.show("anna")
    assert (shown["state"], shown["polling"], shown["outlookSubscription"]) == ("connected", True, None)
    came = world.clock.now()
    world.history.deliver(a_message(id="polled", received=came, created=came, modified=came))
    process.work(until=POLL)
    assert (ChangeKind.CREATED, "polled") in queued(world)
    calls = len(world.history.calls)
    process.go_on(until=timedelta(minutes=20))
    assert 9 <= len(world.history.calls) - calls <= 11
    assert world.account().silent_finds == 0


def test_who_polls_switches_back_by_itself(world: World, process: Process) -> None:
    """Once Graph can call us the account has a subscription, polls no more, and is swept like any other."""
    world.subscriptions.troubles.add(*[UNREACHED] * 3)
    world.registered()
    process.go_on(until=timedelta(hours=1))
    row = world.account()
    assert row.subscription is not None
    assert (row.polling, world.subscriptions.of(row.user)) == (False, [row.subscription.id])
    calls = len(world.history.calls)
    process.go_on(until=timedelta(hours=2))
    assert 5 <= len(world.history.calls) - calls <= 7
    assert world.log.problems().count("account.polling") == 3
