"""Reading messages, many at a time."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from local.m365 import samples
from shared.adapters.graph.client import GraphClient
from shared.adapters.graph.errors import Answer
from shared.adapters.graph.reader import GraphMessages
from shared.adapters.graph.slots import Slots
from shared.adapters.system import SystemClock
from shared.domain.errors import MailboxRefused, SignInRefused, TryLater
from shared.domain.messages import Message
from shared.domain.oauth2 import OAuth2App
from shared.ports.microsoft365 import NotThere, ReadRequest, Unread


def ask(app: OAuth2App, number: int, *, user: str = "ada@contoso.example") -> ReadRequest:
    """Ask for a message by number."""
    return ReadRequest(app, user, f"m{number}", complete=False)


def answering(inner: Callable[[str], Answer]) -> Callable[[str, str, Any], Answer]:
    """Answer each read of a batch, or a read of its own, by its URL; what depends on a failure fails."""

    def script(method: str, url: str, body: Any) -> Answer:
        if method == "GET":
            return inner(url)
        answers: list[tuple[str, Answer]] = []
        for one in body["requests"]:
            failed = one.get("dependsOn") and not dict(answers)[one["dependsOn"][0]].good
            answers.append((one["id"], Answer(424, {}, None) if failed else inner(one["url"])))
        said = [{"id": key, "status": one.status, "headers": one.headers, "body": one.body} for key, one in answers]
        return Answer(200, {}, {"responses": said})

    return script


def found(url: str) -> Answer:
    """Answer with the message that the URL names."""
    return Answer(200, {}, {"id": url.partition("/messages/")[2].partition("?")[0]})


def test_one_message_is_one_get(wired: Callable[..., Any], app: OAuth2App, clock: Any) -> None:
    """A message alone goes without a batch; 41 messages go in three batches and come back in order."""
    client, wire = wired(answering(found))
    reader = GraphMessages(client, clock, Slots())
    (message,) = reader.read([ask(app, 1)])
    assert isinstance(message, Message)
    assert [call[0] for call in wire.calls] == ["GET"]
    wire.calls.clear()
    asks = [ask(app, number, user=f"u{number}@contoso.example") for number in range(41)]
    assert [getattr(reading, "id", None) for reading in reader.read(asks)] == [one.message for one in asks]
    assert sorted(len(call[2]["requests"]) if call[2] else 1 for call in wire.calls) == [1, 20, 20]


def test_each_message_has_its_own_outcome(wired: Callable[..., Any], app: OAuth2App, clock: Any, sample: Any) -> None:
    """Beside a message that is read, another may be gone, refused or unreadable; nothing raises."""
    odd = Answer(200, {}, {"no": "id"})
    by_name = {"m1": sample("item-not-found"), "m2": sample("access-denied"), "m3": odd}
    client, _ = wired(answering(lambda url: next((by_name[name] for name in by_name if name in url), found(url))))
    read, gone, refused, unreadable = GraphMessages(client, clock, Slots()).read(
        [ask(app, number) for number in range(4)]
    )
    assert isinstance(read, Message)
    assert gone == NotThere()
    assert isinstance(refused, Unread)
    assert isinstance(refused.error, MailboxRefused)
    assert isinstance(unreadable, Unread)
    assert isinstance(unreadable.error, KeyError)


def test_what_is_throttled_is_asked_for_again_alone(wired: Callable[..., Any], app: OAuth2App, clock: Any) -> None:
    """An inner 429 costs one more call, after the wait that Graph asks for, also for what was skipped because of it."""
    turned_away: list[float] = []

    def inner(url: str) -> Answer:
        if "m1" in url and not turned_away:
            turned_away.append(time.monotonic())
            return Answer(429, {"retry-after": "1"}, {"error": {"code": "ApplicationThrottled"}})
        return found(url)

    client, wire = wired(answering(inner))
    readings = GraphMessages(client, clock, Slots()).read([ask(app, number) for number in range(3)])
    assert all(isinstance(reading, Message) for reading in readings)
    assert [len(call[2]["requests"]) for call in wire.calls] == [3, 2]
    assert time.monotonic() - turned_away[0] >= 1


def test_what_stays_busy_comes_back_as_try_later(wired: Callable[..., Any], app: OAuth2App, clock: Any) -> None:
    """A wait beyond the budget is not begun; the reading says how long it would have been."""
    client, wire = wired(lambda *_: Answer(503, {"Retry-After": "3600"}, None))
    readings = GraphMessages(client, clock, Slots(), budget=timedelta(minutes=10)).read(
        [ask(app, number) for number in range(3)]
    )
    errors = [reading.error for reading in readings if isinstance(reading, Unread)]
    assert [type(error) for error in errors] == [TryLater] * 3
    assert all(isinstance(error, TryLater) and error.retry_after == timedelta(hours=1) for error in errors)
    assert len(wire.calls) == 1


def test_a_sign_in_that_is_refused_is_each_messages_outcome(app: OAuth2App, clock: Any) -> None:
    """Without a token nothing is read and nothing raises."""

    class Refusing:
        def token(self, app: OAuth2App) -> str:
            raise SignInRefused("no", reason="AADSTS7000215", mend="Set the secret again.")

        def forget(self, app: OAuth2App) -> None:
            pass

    readings = GraphMessages(GraphClient(Refusing()), clock, Slots()).read([ask(app, 1), ask(app, 2)])
    assert [type(reading.error) for reading in readings if isinstance(reading, Unread)] == [SignInRefused] * 2


def test_applications_do_not_share_a_batch(wired: Callable[..., Any], app: OAuth2App, clock: Any) -> None:
    """Each application's messages are read with its own token."""
    other = app.model_copy(update={"id": "AAAC", "client_id": "1f6a0000-0000-4000-8000-000000000003"})
    client, wire = wired(answering(found))
    GraphMessages(client, clock, Slots()).read([ask(one, number) for number in range(2) for one in (app, other)])
    assert [len(call[2]["requests"]) for call in wire.calls] == [2, 2]


def test_a_mailbox_is_read_one_message_at_a_time(wired: Callable[..., Any], app: OAuth2App, clock: Any) -> None:
    """
    A batch holds each mailbox once, or one mailbox whose reads wait for each other.

    Few messages of one mailbox join those of others, in one batch after the other; many go in a batch of their own.
    """
    client, wire = wired(answering(found))
    users = ["ada", "ada", "eve", "eve", "eve", "eve", "joe"]
    readings = GraphMessages(client, clock, Slots()).read(
        [ask(app, number, user=user) for number, user in enumerate(users)]
    )
    assert all(isinstance(reading, Message) for reading in readings)
    read = [call[2]["requests"] for call in wire.calls if call[2]]
    chained, loose = ([each for each in read if bool(each[-1].get("dependsOn")) is kind] for kind in (True, False))
    assert [[one["url"].split("/")[2] for one in each] for each in chained] == [["eve"] * 4]
    assert [one.get("dependsOn") for one in chained[0]] == [None, ["0"], ["1"], ["2"]]
    assert [[one["url"].split("/")[2] for one in each] for each in loose] == [["ada", "joe"]]
    assert [call[1].split("/")[5] for call in wire.calls if not call[2]] == ["ada"]


def test_what_comes_after_a_failure_is_read_at_once(
    wired: Callable[..., Any], app: OAuth2App, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages that are gone hold nobody up: what Graph skips because of one is asked for again without a wait."""
    gone = Answer(404, {}, {"error": {"code": "ErrorItemNotFound"}})
    client, wire = wired(answering(lambda url: gone if "m1?" in url or "m3?" in url else found(url)))
    # Time stands, so that whatever would wait has not the time for it, and comes back unread.
    monkeypatch.setattr("shared.adapters.graph.reader.monotonic", lambda: 0.0)
    reader = GraphMessages(client, clock, Slots(), budget=timedelta(seconds=0.1))
    readings = reader.read([ask(app, number) for number in range(6)])
    assert [reading == NotThere() for reading in readings] == [False, True, False, True, False, False]
    assert [len(call[2]["requests"]) for call in wire.calls] == [6, 4, 2]
    assert all(isinstance(reading, Message) for reading in readings if reading != NotThere())


def test_callers_together_respect_a_mailbox(wired: Callable[..., Any], app: OAuth2App, clock: Any) -> None:
    """Ten callers that read one mailbox have no more than one read of it in flight, and each gets its turn."""
    lock = threading.Lock()
    flying, most = 0, 0

    def slow(url: str) -> Answer:
        nonlocal flying, most
        with lock:
            flying += 1
            most = max(most, flying)
        time.sleep(0.01)
        with lock:
            flying -= 1
        return found(url)

    client, _ = wired(answering(slow))
    reader = GraphMessages(client, clock, Slots())
    with ThreadPoolExecutor(10) as callers:
        readings = list(callers.map(lambda number: reader.read([ask(app, number)])[0], range(30)))
    assert all(isinstance(reading, Message) for reading in readings)
    assert most == 1


@pytest.mark.parametrize("fault", ["inner_429", "inner_503", "inner_missing", "outer_503", "connection_reset"])
def test_a_bad_moment_of_graph_loses_nothing(tenant: Any, fault: str) -> None:
    """Whatever Graph's bad moments are, every message is read in the end."""
    ids = [one.id for one in tenant.m365.deliver_many([tenant.mailbox.id], 30, [samples.plain()])]
    tenant.m365.faults(**{fault: {"count": 2}})
    asks = [ReadRequest(tenant.app, tenant.mailbox.address, one, complete=True) for one in ids]
    readings = GraphMessages(tenant.client, SystemClock(), Slots()).read(asks)
    assert [getattr(reading, "id", reading) for reading in readings] == ids
    assert tenant.m365.stats()["faults"] == {fault: 2}


def test_graph_never_throttles_us_for_concurrency(tenant: Any) -> None:
    """Many callers over a few mailboxes stay within Graph's four requests of one mailbox at a time."""
    boxes = [tenant.m365.add_mailbox(tenant.id, f"box{number}@contoso.example") for number in range(3)]
    address = {box.id: box.address for box in boxes}
    sent = tenant.m365.deliver_many([box.id for box in boxes], 240, [samples.plain()])
    reader = GraphMessages(tenant.client, SystemClock(), Slots())
    asks = [ReadRequest(tenant.app, address[one.mailbox], one.id, complete=False) for one in sent]
    with ThreadPoolExecutor(12) as callers:
        readings = list(callers.map(reader.read, [asks[start : start + 20] for start in range(0, 240, 20)]))
    assert all(isinstance(reading, Message) for some in readings for reading in some)
    stats = tenant.m365.stats()
    assert max(stats["high_water"].values()) <= 4
    assert "throttled_concurrency" not in stats["calls"]


def test_a_message_that_is_gone(tenant: Any) -> None:
    """A deleted message is not there, and a mailbox that is refused says so."""
    gone = tenant.m365.deliver(tenant.mailbox.id, samples.plain())
    tenant.m365.delete(tenant.mailbox.id, gone)
    reader = GraphMessages(tenant.client, SystemClock(), Slots())
    asked = ReadRequest(tenant.app, tenant.mailbox.address, gone, complete=True)
    assert reader.read([asked]) == [NotThere()]
    tenant.m365.refuse_mailbox(tenant.mailbox.id, 403)
    (reading,) = reader.read([asked])
    assert isinstance(reading, Unread)
    assert isinstance(reading.error, MailboxRefused)
