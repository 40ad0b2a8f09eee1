"""Erasures: whatever dies or comes between, nothing of an erased account stays, and all of others does."""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from datetime import timedelta
from threading import Lock
from typing import Any

import pytest

from shared.domain.accounts import Account, AccountState, account_key
from shared.domain.deliveries import DeliveryQuery
from shared.domain.erasures import Trace, TraceKind
from shared.domain.errors import TryLater
from shared.domain.jobs import Job, JobBatch, JobKind
from shared.domain.messages import Address
from shared.domain.poison import Poisoned
from shared.domain.registrations import NewAccount
from tests.contracts.mirrors import a_mirror
from tests.factories import APP, MESSAGE, a_change, a_message, an_account
from tests.fakes.clock import FakeClock
from tests.fakes.log import FakeLog
from tests.fakes.microsoft365 import TREE
from tests.fakes.webhooks import FAILED
from tests.shared.services.world import OWN, Died, Fate, Process, World

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
SUBJECT = "Your results are back"
NAMES = ("anna", account_key("anna"))
# Microsoft 365, the customer's endpoints, and the log, which keeps the id for as long as it is kept.
FOREIGN = {"reader", "history", "mailboxes", "sidecar", "subscriptions", "code_flow", "grant_tokens", "sender", "log"}


def lived(world: World, name: str = "anna", **changes: Any) -> Account:
    """Keep an account that has seen mail, and of which a message was given up."""
    account = world.connected(name, **changes)
    world.live(account)
    message = f"{name}-{MESSAGE[:9]}"
    world.reader.keep(a_message(id=message, subject=f"{name} {SUBJECT}", to=(Address(name, account.user),)))
    process = world.process()
    process.expand(a_change(account=account.key, message=message))
    world.mirrors.put(account.key, "mailbox", [(a_mirror(), None)], 1)
    jobs = tuple(Job(kind=JobKind.SWEEP, account=account_key(each)) for each in (name, "ben"))
    body, now = JobBatch(jobs=jobs).model_dump_json(exclude_defaults=True), world.clock.now()
    given_up = f"message-of-{len(name)}"
    world.poison.keep(Poisoned(queue="jobs", message=given_up, body=body, takes=1, given_up=now, kept=now))
    return account


def finish(world: World, *, until: timedelta = WEEK) -> None:
    """Carry out what is queued, to the end."""
    process = world.process()
    process.work(until=timedelta())
    process.expand_queued()
    process.work(until=until)


def remains(world: World) -> list[str]:
    """Return what still names anna, in whatever the world keeps; Microsoft's and the customer's are not ours."""
    kept = {name: held for name, held in vars(world).items() if name not in FOREIGN}
    return [f"{name}: {text}" for name, held in kept.items() for text in texts(held) if any(n in text for n in NAMES)]


def texts(held: Any, seen: set[int] | None = None) -> list[str]:
    """Return every text within *held*, keys and bytes too."""
    seen = seen if seen is not None else set()
    if isinstance(held, str | bytes):
        return [held if isinstance(held, str) else held.decode(errors="replace")]
    if id(held) in seen or isinstance(held, FakeClock | FakeLog | type(Lock())):
        return []
    seen.add(id(held))
    if isinstance(held, dict):
        inner: list[Any] = [*held.keys(), *held.values()]
    elif isinstance(held, list | tuple | set | frozenset):
        inner = list(held)
    elif is_dataclass(held):
        inner = [getattr(held, field.name) for field in fields(held)]
    else:
        inner = list(getattr(held, "__dict__", {}).values())
    return [text for each in inner for text in texts(each, seen)]


def events(world: World, name: str = "anna") -> list[str]:
    """Return the deliveries of an account."""
    return [str(each.event) for each in world.deliveries.page(DeliveryQuery(account=name), None, 50).items]


@pytest.mark.parametrize("webhooks", [None, OWN], ids=["default webhook", "own webhook"])
def test_nothing_of_an_erased_account_stays(world: World, process: Process, webhooks: str | None) -> None:
    """After an erasure no store and no queue names the account, its mailbox or its mail; its end was told."""
    account = lived(world, webhooks=webhooks)
    world.hook(account.webhook, OWN, headers=world.vault.put(f"webhook-headers-{account.key}", '{"X-For":"anna"}'))
    lived(world, "ben")
    assert remains(world)
    assert process.relay.erasures.ask("anna")
    finish(world)
    assert remains(world) == []
    assert world.sender.events()[-1] == "accountDeleted"
    assert (events(world, "ben"), len(world.sightings.all())) == (["messageNew"], 1)
    assert [account_key("ben") in each.body for each in world.poison.page(None, 9).items] == [True, True]


def test_each_part_is_told_without_content(world: World, process: Process) -> None:
    """One line for each part counts what went, and the last one says that it is done."""
    lived(world)
    process.relay.erasures.ask("anna")
    finish(world)
    told = world.log.named("account.erased")
    counted = [tuple(line[kind] for kind in ("deliveries", "sightings", "poison", "left", "done")) for line in told]
    assert counted == [(1, 1, 1, 0, False), (1, 0, 0, 0, False), (0, 0, 0, 0, True)]
    assert not any(SUBJECT in text for line in told for text in texts(line))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 15))
def test_a_crash_never_stops_an_erasure(world: World, at: int, *, after: bool) -> None:
    """Whenever the process dies, another one goes on, and nothing stays."""
    lived(world)
    world.process().relay.erasures.ask("anna")
    for message in world.jobs.take():
        if message.body.erasure is None:
            world.process().jobs.run(message.body)
            world.jobs.done(message)
            continue
        with pytest.raises(Died):
            world.process(Fate(at=at, after=after).over).jobs.run(message.body)
        world.jobs.return_(message)
    finish(world)
    assert remains(world) == []


def test_a_repeated_request_finds_what_is_left(world: World, process: Process) -> None:
    """An account that was removed before is erased all the same, and so is one that nobody knows."""
    lived(world)
    process.accounts.remove("anna")
    finish(world)
    assert events(world)
    assert not process.relay.erasures.ask("anna")
    finish(world)
    assert remains(world) == []


def test_what_was_not_delivered_is_given_up(world: World, process: Process) -> None:
    """A retry of an erased delivery ends quietly, and nobody is posted to."""
    world.sender.answer(FAILED)
    lived(world)
    (retry,) = world.retries.bodies()
    process.relay.erasures.ask("anna")
    process.work(until=timedelta())
    posts = len(world.sender.events())
    world.process().deliveries.attempt(retry, redelivered=False)
    assert (len(world.sender.events()), len(world.retries.bodies()), events(world)) == (posts, 1, [])


def test_a_farewell_waits_for_its_delivery(world: World, process: Process) -> None:
    """`accountDeleted` stays while it may be delivered, and goes once that is over, parked or not."""
    world.connected()
    process.relay.erasures.ask("anna")
    process.work(until=timedelta())
    world.sender.answer(FAILED)
    process.expand_queued()
    process.work(until=2 * HOUR)
    assert events(world) == ["accountDeleted"]
    (retry,) = world.retries.bodies()
    world.process().deliveries.attempt(retry, redelivered=False)
    assert world.sender.events() == ["accountDeleted", "accountDeleted"]
    world.process().work(until=WEEK)
    assert events(world) == []
    assert world.log.named("account.erased")[-1]["done"]


def test_what_is_written_late_goes_too(world: World, process: Process) -> None:
    """A process that still took the account for a living one leaves rows; the pass an hour later finds them."""
    account = lived(world)
    late = world.process()
    late.expand(a_change(message="before"))
    process.relay.erasures.ask("anna")
    process.work(until=timedelta())
    world.reader.keep(a_message(id="late", subject=SUBJECT))
    late.expand(a_change(message="late", seen=world.clock.now()))
    world.mirrors.put(account.key, "mailbox", [(a_mirror(), None)], 1)
    world.folders.put(account.key, TREE)
    assert (events(world), len(world.sightings.all())) == (["messageNew"], 1)
    finish(world)
    assert (remains(world), world.folders.get(account.key)) == ([], None)


def test_a_new_registration_keeps_what_it_brings(world: World, process: Process) -> None:
    """Who is registered under the id while the erasure runs loses nothing, in whichever pass."""
    lived(world)
    process.relay.erasures.ask("anna")
    world.clock.advance(timedelta(seconds=1))
    auth = {"user": "anna@contoso.com"}
    world.process().register(NewAccount.model_validate({"account": "anna", "oauth2": {"provider": APP, "auth": auth}}))
    world.process().work(until=timedelta())
    world.reader.keep(a_message(id="new"))
    world.process().expand(a_change(message="new", seen=world.clock.now()))
    world.process().expand_queued(until=timedelta())
    brought = events(world)
    assert "messageNew" in brought
    finish(world)
    assert set(brought) - {"accountDeleted"} <= set(events(world))
    assert "accountDeleted" not in events(world)
    assert {seen.owner for seen in world.sightings.all().values()} == {world.account().registration}
    assert world.log.named("account.erased")[-1]["done"]


class Between:
    """Has something happen after a page of traces was looked at, and before it is removed."""

    def __init__(self, world: World, kind: TraceKind, happen: Callable[[], None]) -> None:
        self._traces = world.traces
        self._to_happen = {kind: happen}

    def remove(self, kind: TraceKind, traces: Sequence[Trace]) -> None:
        """Have it happen once, then remove."""
        self._to_happen.pop(kind, lambda: None)()
        self._traces.remove(kind, traces)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._traces, name)


def test_a_row_that_changes_meanwhile_is_looked_at_again(world: World) -> None:
    """A delivery that is written to between look and removal is removed at the next look."""
    lived(world)

    def write() -> None:
        ((_, stored),) = world.deliveries.all().items()
        world.deliveries.replace(stored.value, stored.etag)

    between = Between(world, TraceKind.DELIVERIES, write)
    process = world.process(lambda port: between if port is world.traces else port)
    process.relay.erasures.ask("anna")
    process.work(until=timedelta())
    assert events(world) == ["messageNew"]
    process.work(until=timedelta(seconds=3))
    assert events(world) == []


def test_a_registration_in_between_keeps_its_sighting(world: World) -> None:
    """Who is registered between look and removal, and notes the same message at once, keeps what they noted."""
    lived(world)
    ((key, seen),) = world.sightings.all().items()
    anew = an_account(incarnation="incarnation-2", state=AccountState.CONNECTED)

    def come_back() -> None:
        world.accounts.insert(anew)
        world.sightings.put({key: seen.model_copy(update={"owner": anew.registration})})

    between = Between(world, TraceKind.SIGHTINGS, come_back)
    world.process().accounts.remove("anna")
    world.process().work()
    world.process(lambda port: between if port is world.traces else port).relay.erasures.ask("anna")
    world.process(lambda port: between if port is world.traces else port).work(until=timedelta(hours=3))
    assert [each.owner for each in world.sightings.all().values()] == [anew.registration]


def test_a_part_takes_seconds(world: World) -> None:
    """What takes longer goes on in another message, where the former part ended."""
    for number in range(3):
        world.reader.keep(a_message(id=f"m{number}"))
    lived(world)
    world.process().expand(*(a_change(message=f"m{number}") for number in range(3)))
    traces = world.traces

    class Slow:
        """Takes eleven seconds for a page of two."""

        def page(self, kind: TraceKind, account: str, position: dict[str, str] | None, limit: int) -> Any:
            del limit
            world.clock.advance(timedelta(seconds=11))
            return traces.page(kind, account, position, 2)

        def __getattr__(self, name: str) -> Any:
            return getattr(traces, name)

    slow = Slow()
    process = world.process(lambda port: slow if port is world.traces else port)
    process.relay.erasures.ask("anna")
    process.work(until=timedelta(minutes=5))
    told = [(line["deliveries"], line["sightings"]) for line in world.log.named("account.erased")]
    assert told == [(2, 0), (4, 0), (4, 0), (4, 2), (4, 4)]
    assert events(world) == []


def test_an_outage_postpones_an_erasure(world: World, process: Process) -> None:
    """While storage does not answer, the erasure waits and loses nothing."""
    lived(world)
    process.relay.erasures.ask("anna")

    def fail() -> None:
        raise TryLater("Storage is busy.")

    between = Between(world, TraceKind.DELIVERIES, fail)
    world.process(lambda port: between if port is world.traces else port).work(until=timedelta())
    assert "job.postponed" in world.log.problems()
    finish(world)
    assert remains(world) == []
