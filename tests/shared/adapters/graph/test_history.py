"""What happened while nobody called us, as Graph tells it, and as the fake that stands for it in other tests does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import pytest

from local.m365 import samples
from shared.adapters.graph.errors import Answer
from shared.adapters.graph.history import GraphHistory, beginning
from shared.adapters.graph.mailboxes import GraphMailboxes
from shared.adapters.graph.reader import GraphMessages
from shared.adapters.graph.slots import Slots
from shared.adapters.system import SystemClock
from shared.domain.errors import MailboxRefused, TryLater
from shared.domain.messages import Message
from shared.domain.oauth2 import OAuth2App
from shared.ports.microsoft365 import FolderChanges, Glance, History, Listing, ReadRequest
from tests.factories import a_message
from tests.fakes.clock import FakeClock
from tests.fakes.history import FakeHistory

HOST = "https://graph.microsoft.com/v1.0"
HOUR = timedelta(hours=1)
MOMENT = {"receivedDateTime": "2026-11-21T00:30:00Z"}
LINK = f"{HOST}/users/ada/mailFolders/inbox/messages/delta?$deltatoken=7"


class Box(Protocol):
    """A mailbox with its history; folders go by their well-known names."""

    def now(self) -> datetime:
        """Return the mailbox's moment."""

    def deliver(self, ago: timedelta = timedelta(), number: int = 1) -> list[str]:
        """Deliver to the inbox, and return the ids."""

    def flag(self, message: str) -> None:
        """Flag a message."""

    def move(self, message: str) -> None:
        """Move a message to the archive."""

    def delete(self, message: str) -> None:
        """Delete a message."""

    def forget(self) -> None:
        """Make the next link worthless."""

    def look(self, since: datetime, **links: str | None) -> Glance:
        """Glance at the mailbox."""

    def follow(self, folder: str, link: str) -> FolderChanges:
        """Follow a folder's link."""

    def list(self, link: str) -> Listing:
        """Follow a listing's link."""


@dataclass
class InMemory:
    """The fake."""

    history: FakeHistory
    clock: FakeClock
    app: OAuth2App
    number: int = 0

    def now(self) -> datetime:
        """Return the clock's moment."""
        return self.clock.now()

    def deliver(self, ago: timedelta = timedelta(), number: int = 1) -> list[str]:
        """Deliver to the inbox."""
        self.number += number
        names = [f"m{each}" for each in range(self.number - number, self.number)]
        came = dict.fromkeys(("received", "created", "modified"), self.now() - ago)
        self.history.deliver(*(a_message(id=name, folder="inbox", **came) for name in names))
        return names

    def flag(self, message: str) -> None:
        """Flag a message."""
        self.history.flag(message, "\\Flagged")

    def move(self, message: str) -> None:
        """Move a message."""
        self.history.move(message, "archive")

    def delete(self, message: str) -> None:
        """Delete a message."""
        self.history.delete(message)

    def forget(self) -> None:
        """Forget all links."""
        self.history.forget()

    def look(self, since: datetime, **links: str | None) -> Glance:
        """Glance, in one call."""
        self.history.calls.clear()
        glance = self.history.glance(self.app, "ada", since, links)
        assert self.history.calls == ["glance"]
        return glance

    def follow(self, folder: str, link: str) -> FolderChanges:
        """Follow a link."""
        return self.history.follow(self.app, "ada", folder, link)

    def list(self, link: str) -> Listing:
        """Follow a listing's link."""
        return self.history.list(self.app, "ada", link)


@dataclass
class Simulated:
    """The real thing on the simulated Microsoft 365; `amnesia` is how it forgets a link."""

    history: GraphHistory
    tenant: Any
    amnesia: str

    def now(self) -> datetime:
        """Return the machine's moment."""
        return SystemClock().now()

    def deliver(self, ago: timedelta = timedelta(), number: int = 1) -> list[str]:
        """Deliver to the inbox."""
        box = self.tenant.mailbox.id
        if number > 1:
            return [each.id for each in self.tenant.m365.deliver_many([box], number, [samples.plain()])]
        return [self.tenant.m365.deliver(box, samples.plain(), received=(self.now() - ago).isoformat())]

    def flag(self, message: str) -> None:
        """Flag a message."""
        self.tenant.m365.set_flag(self.tenant.mailbox.id, message)

    def move(self, message: str) -> None:
        """Move a message."""
        self.tenant.m365.move(self.tenant.mailbox.id, message, "archive")

    def delete(self, message: str) -> None:
        """Delete a message."""
        self.tenant.m365.delete(self.tenant.mailbox.id, message)

    def forget(self) -> None:
        """Forget one link."""
        self.tenant.m365.faults(**{self.amnesia: {"count": 1}})

    def look(self, since: datetime, **links: str | None) -> Glance:
        """Glance, in one call."""
        self.tenant.m365.reset_stats()
        glance = self.history.glance(self.tenant.app, self.tenant.mailbox.address, since, links)
        calls = self.tenant.m365.stats()["calls"]
        assert (calls["batch"], calls.get("graph", 0)) == (1, 0)
        return glance

    def follow(self, folder: str, link: str) -> FolderChanges:
        """Follow a link."""
        return self.history.follow(self.tenant.app, self.tenant.mailbox.address, folder, link)

    def list(self, link: str) -> Listing:
        """Follow a listing's link."""
        return self.history.list(self.tenant.app, self.tenant.mailbox.address, link)


@pytest.fixture(params=["in memory", "delta_gone", "delta_state_not_found"])
def box(request: pytest.FixtureRequest, app: OAuth2App) -> Box:
    """Return a mailbox in memory, and one on the simulated Microsoft 365 for each way to forget a link."""
    if request.param == "in memory":
        clock = FakeClock()
        return InMemory(FakeHistory(clock), clock, app)
    tenant = request.getfixturevalue("tenant")
    return Simulated(GraphHistory(tenant.client, SystemClock(), Slots()), tenant, request.param)


def names(messages: Any) -> list[str]:
    """Return the ids of messages."""
    return [message.id for message in messages]


def test_a_round_begins_with_nothing(box: Box) -> None:
    """What was there before is listed where it is not too old, and stands in no folder's round."""
    box.deliver(ago=3 * HOUR)
    (listed,) = box.deliver(ago=HOUR)
    glance = box.look(box.now() - 2 * HOUR, inbox=None, archive=None)
    assert names(glance.arrived.messages) == [listed]
    assert (glance.arrived.next, glance.modified) == (None, Listing((), None))
    assert [(each.messages, each.removed, each.more, each.reset) for each in glance.folders.values()] == [
        ((), (), False, False)
    ] * 2


def test_each_change_is_told_once(box: Box) -> None:
    """Arrivals, marks and removals since the last look are told; a move is both, in its two folders."""
    (old,) = box.deliver(ago=HOUR)
    links = {name: each.link for name, each in box.look(box.now(), inbox=None, archive=None).folders.items()}
    new, flagged, moved, gone = (box.deliver()[0] for _ in range(4))
    box.flag(flagged)
    box.move(moved)
    box.delete(gone)
    box.delete(old)
    folders = box.look(box.now() - 2 * HOUR, **links).folders
    seen = {message.id: message.flags for message in folders["inbox"].messages}
    assert {name: "\\Flagged" in flags for name, flags in seen.items()} == {new: False, flagged: True}
    assert set(folders["inbox"].removed) == {moved, gone, old}
    assert (names(folders["archive"].messages), folders["archive"].removed) == ([moved], ())
    folders = box.look(box.now(), **{name: each.link for name, each in folders.items()}).folders
    assert [(each.messages, each.removed, each.more) for each in folders.values()] == [((), (), False)] * 2


def test_pages_join(box: Box) -> None:
    """What does not fit one page goes on behind its link, without gaps; a listing begins with the oldest."""
    since = box.now() - 2 * HOUR
    link = box.look(since, inbox=None).folders["inbox"].link
    many = box.deliver(number=260)
    (oldest,) = box.deliver(ago=HOUR)
    box.delete(many.pop())
    glance = box.look(since, inbox=link)
    page = glance.folders["inbox"]
    listed = to_the_end(box, glance.arrived)
    assert listed[0] == oldest
    assert set(listed) == {oldest, *many}
    assert page.more
    following = box.follow("inbox", page.link)
    assert not following.more
    # Received before the round began, the oldest is none of the round's business.
    assert sorted(names([*page.messages, *following.messages])) == sorted(many)


def to_the_end(box: Box, listing: Listing) -> list[str]:
    """Return the ids of a listing that has more than one page; some may come twice."""
    assert listing.next is not None
    listed = names(listing.messages)
    while listing.next is not None:
        listing = box.list(listing.next)
        listed += names(listing.messages)
    return listed


def test_old_mail_that_is_modified_is_listed(box: Box) -> None:
    """Whatever the folder and the age, mail that was marked or moved is listed; what came lately stands elsewhere."""
    flagged, moved, _ = (box.deliver(ago=9 * HOUR)[0] for _ in range(3))
    (new,) = box.deliver()
    for message in (flagged, new):
        box.flag(message)
    box.move(moved)
    glance = box.look(box.now() - HOUR)
    assert (names(glance.arrived.messages), set(names(glance.modified.messages))) == ([new], {flagged, moved})


def test_old_mail_that_is_modified_is_listed_page_by_page(tenant: Any) -> None:
    """A listing passes over nothing, though mail is modified, and deleted, while it is being read."""
    box = Simulated(GraphHistory(tenant.client, SystemClock(), Slots()), tenant, "delta_gone")
    now = box.now().replace(microsecond=0)
    came = [box.deliver(ago=timedelta(minutes=60) - timedelta(seconds=n // 3))[0] for n in range(300)]
    listing = box.look(now - 2 * HOUR).arrived
    assert listing.next is not None
    for message in came[:20]:
        box.delete(message)
    assert set(names(box.list(listing.next).messages)) >= set(came[250:])
    for message in came[20:]:
        box.flag(message)
    since = now + timedelta(seconds=2) - HOUR / 6
    first = box.look(since).modified
    assert set(to_the_end(box, first)) == set(came[20:])


def test_a_forgotten_link_begins_anew(box: Box) -> None:
    """Where Graph has forgotten a link, the look says so, and its link leads to a round that begins then."""
    link = box.look(box.now(), inbox=None).folders["inbox"].link
    box.deliver(ago=HOUR)
    box.forget()
    lost = box.look(box.now(), inbox=link).folders["inbox"]
    assert (lost.messages, lost.removed, lost.more, lost.reset) == ((), (), True, True)
    fresh = box.follow("inbox", lost.link)
    assert (fresh.messages, fresh.more, fresh.reset) == ((), False, False)
    (new,) = box.deliver()
    assert names(box.look(box.now(), inbox=fresh.link).folders["inbox"].messages) == [new]
    box.forget()
    assert box.follow("inbox", fresh.link).reset


def test_a_folder_that_is_missing_is_left_out(tenant: Any) -> None:
    """Other folders are told as if nothing were; a link to the missing one ends, and waits for its return."""
    box = Simulated(GraphHistory(tenant.client, SystemClock(), Slots()), tenant, "delta_gone")
    fake = FakeHistory(SystemClock())
    fake.missing.add("nowhere")
    link = beginning(tenant.mailbox.address, "nowhere", box.now())
    both: list[tuple[History, str]] = [(box.history, link), (fake, fake._beginning("nowhere").link)]
    for history, known in both:
        glance = history.glance(tenant.app, tenant.mailbox.address, box.now(), {"nowhere": None, "inbox": None})
        assert list(glance.folders) == ["inbox"]
        found = history.follow(tenant.app, tenant.mailbox.address, "nowhere", known)
        assert (found.messages, found.more, found.reset) == ((), False, True)


def test_an_empty_page_is_no_end(tenant: Any) -> None:
    """A page without items leads on to those that have some."""
    box = Simulated(GraphHistory(tenant.client, SystemClock(), Slots()), tenant, "delta_gone")
    link = box.look(box.now(), inbox=None).folders["inbox"].link
    (new,) = box.deliver()
    tenant.m365.faults(delta_empty_page={"count": 1})
    page = box.look(box.now(), inbox=link).folders["inbox"]
    assert (page.messages, page.more) == ((), True)
    assert names(box.follow("inbox", page.link).messages) == [new]


def test_a_replay_is_told_once(tenant: Any) -> None:
    """An item that a page repeats stands in it once."""
    box = Simulated(GraphHistory(tenant.client, SystemClock(), Slots()), tenant, "delta_gone")
    link = box.look(box.now(), inbox=None).folders["inbox"].link
    new = box.deliver() + box.deliver()
    tenant.m365.faults(delta_replay={"count": 1})
    assert names(box.look(box.now(), inbox=link).folders["inbox"].messages) == new
    assert tenant.m365.stats()["faults"]["delta_replay"] == 1


def test_a_mailbox_that_we_may_not_open_is_refused(tenant: Any) -> None:
    """A refusal of the mailbox is a human's business, whatever its folders say."""
    tenant.m365.refuse_mailbox(tenant.mailbox.id, 403)
    with pytest.raises(MailboxRefused):
        GraphHistory(tenant.client, SystemClock(), Slots()).glance(
            tenant.app, tenant.mailbox.address, SystemClock().now(), {"inbox": None}
        )


def batched(*answers: Answer) -> Answer:
    """Answer a batch in the order of its questions."""
    said = [
        {"id": str(number), "status": one.status, "headers": dict(one.headers), "body": one.body}
        for number, one in enumerate(answers)
    ]
    return Answer(200, {}, {"responses": said})


def listed(*values: Any) -> Answer:
    """Answer with the only page of a listing."""
    return Answer(200, {}, {"value": list(values)})


def changed(*values: Any) -> Answer:
    """Answer with the last page of a round."""
    return Answer(200, {}, {"value": list(values), "@odata.deltaLink": LINK})


def throttled(seconds: int) -> Answer:
    """Answer that the mailbox is busy."""
    return Answer(429, {"Retry-After": str(seconds)}, {"error": {"code": "ApplicationThrottled"}})


def test_a_glance_asks_for_what_it_needs(wired: Callable[..., Any], app: OAuth2App, clock: Any) -> None:
    """One batch holds the listings and a round for each folder, with immutable ids and large pages, below the host."""
    client, wire = wired(lambda *_: batched(listed(), listed(), changed(), changed()))
    links = {"inbox": None, "AAMk/é=": "https://elsewhere.example/v1.0/users/ada/delta?$deltatoken=a%2Bb"}
    glance = GraphHistory(client, clock, Slots()).glance(app, "ada", clock.now() - HOUR - timedelta(seconds=0.5), links)
    assert [each.link for each in glance.folders.values()] == [LINK, LINK]
    ((method, url, body),) = wire.calls
    assert (method, url) == ("POST", f"{HOST}/$batch")
    paths = [one["url"].partition("$select=")[0] for one in body["requests"]]
    filtered, begun = "$filter=receivedDateTime%20ge%20", "2026-11-20T23:59:59Z"
    modified = f"$filter=lastModifiedDateTime%20ge%20{begun}%20and%20receivedDateTime%20lt%20{begun}"
    assert paths == [
        f"/users/ada/messages?{filtered}{begun}&$orderby=receivedDateTime&",
        f"/users/ada/messages?{modified}&$orderby=lastModifiedDateTime&",
        "/users/ada/mailFolders/inbox/messages/delta?",
        "/users/ada/delta?$deltatoken=a%2Bb",
    ]
    assert body["requests"][0]["url"].endswith("isDraft,flag,categories&$top=250")
    assert body["requests"][2]["url"].endswith(f"isDraft,flag,categories&{filtered}2026-11-21T01:00:00Z")
    assert {one["headers"]["Prefer"] for one in body["requests"]} == {
        'IdType="ImmutableId", odata.maxpagesize=250',
    }
    assert beginning("ada", "AAMk/é=", clock.now()).startswith("/users/ada/mailFolders/AAMk%2F%C3%A9=/messages/delta?")


def test_many_folders_take_more_calls(wired: Callable[..., Any], app: OAuth2App, clock: Any) -> None:
    """A batch holds the listings and 18 folders; the others follow in the next."""
    client, wire = wired(lambda _, __, body: batched(*(changed() for _ in body["requests"])))
    glance = GraphHistory(client, clock, Slots()).glance(app, "ada", clock.now(), {f"f{n}": None for n in range(21)})
    assert len(glance.folders) == 21
    assert [len(body["requests"]) for _, _, body in wire.calls] == [20, 3]
    chain = [one.get("dependsOn") for one in wire.calls[0][2]["requests"]]
    assert chain == [None, *([str(number)] for number in range(19))]


def test_a_look_waits_for_whoever_is_at_the_mailbox(tenant: Any) -> None:
    """Looks, pages and probes come one after the other, as reads do: the mailbox sees one request at a time."""
    slots = Slots()
    history = GraphHistory(tenant.client, SystemClock(), slots)
    mailboxes = GraphMailboxes(tenant.client, SystemClock(), slots)
    reader = GraphMessages(tenant.client, SystemClock(), slots)
    sent = tenant.m365.deliver_many([tenant.mailbox.id], 10, [samples.plain()])
    user = tenant.mailbox.address
    asks = [ReadRequest(tenant.app, user, one.id, complete=False) for one in sent]
    page = f"/users/{user}/messages?$top=5"
    tenant.m365.reset_stats()
    with ThreadPoolExecutor(12) as threads:
        looks = [
            *(
                threads.submit(history.glance, tenant.app, user, history._clock.now(), {"inbox": None})
                for _ in range(3)
            ),
            *(threads.submit(history.list, tenant.app, user, page) for _ in range(3)),
            *(threads.submit(mailboxes.probe, tenant.app, user) for _ in range(3)),
            *(threads.submit(reader.read, asks) for _ in range(3)),
        ]
        assert all(look.result() for look in looks)
    assert list(tenant.m365.stats()["high_water"].values()) == [1]


def test_a_page_is_one_get_below_the_host(wired: Callable[..., Any], app: OAuth2App, clock: Any) -> None:
    """Of a link only the path counts, so that our token goes to Graph alone."""
    client, wire = wired(lambda *_: changed({"id": "a", **MOMENT}))
    history = GraphHistory(client, clock, Slots())
    history.follow(app, "ada", "inbox", "https://elsewhere.example/v1.0/users/ada/delta?$skiptoken=a%2Bb")
    history.list(app, "ada", "https://elsewhere.example/v1.0/users/ada/messages?$skip=250")
    history.follow(app, "ada", "inbox", beginning("ada", "inbox", clock.now()))
    assert [call[:2] for call in wire.calls[:2]] == [
        ("GET", f"{HOST}/users/ada/delta?$skiptoken=a%2Bb"),
        ("GET", f"{HOST}/users/ada/messages?$skip=250"),
    ]
    assert wire.calls[2][1].startswith(f"{HOST}/users/ada/mailFolders/inbox/messages/delta?$select=id,")
    assert {sent["Prefer"] for sent in wire.headers} == {'IdType="ImmutableId", odata.maxpagesize=250'}


def test_the_last_word_on_a_message_counts(wired: Callable[..., Any], app: OAuth2App, clock: Any) -> None:
    """Of a page that tells of a message twice the later item is believed, a removal too."""
    gone = {"@removed": {"reason": "changed"}}
    a, b, c = ({"id": name, **MOMENT} for name in "abc")
    page = changed(a, b, {"id": "c", **gone}, {**a, "isRead": True}, {"id": "b", **gone}, c)
    client, _ = wired(lambda *_: page)
    found = GraphHistory(client, clock, Slots()).follow(app, "ada", "inbox", LINK)
    assert {message.id: message.flags for message in found.messages} == {"a": {"\\Seen"}, "c": set()}
    assert found.removed == ("b",)
    assert all(isinstance(message, Message) for message in found.messages)


def test_a_message_of_which_little_is_told_is_read(
    wired: Callable[..., Any], app: OAuth2App, clock: Any, sample: Any
) -> None:
    """Where Graph tells only that messages were read, they are fetched together; those gone by then are removed."""
    bare = [{"id": name, "isRead": True, "parentFolderId": "i"} for name in "abc"]
    whole = {"id": "a", "flag": {"flagStatus": "flagged"}, "isRead": True, **MOMENT}
    page = changed(*bare, {"id": "d", **MOMENT})
    again = batched(Answer(200, {}, whole), sample("item-not-found"), throttled(7))
    client, wire = wired(lambda method, *_: page if method == "GET" else again)
    history = GraphHistory(client, clock, Slots())
    with pytest.raises(TryLater) as caught:
        history.follow(app, "ada", "inbox", LINK)
    assert caught.value.retry_after == timedelta(seconds=7)
    page.body["value"].remove(bare[2])
    again.body["responses"].pop()
    wire.calls.clear()
    # Slots of its own, as after those seconds.
    found = GraphHistory(client, clock, Slots()).follow(app, "ada", "inbox", LINK)
    assert {message.id: message.flags for message in found.messages} == {"a": {"\\Seen", "\\Flagged"}, "d": set()}
    assert found.removed == ("b",)
    assert [method for method, _, _ in wire.calls] == ["GET", "POST"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(410, "Gone"), (400, "SyncStateNotFound"), (404, "resyncRequired"), (400, "ErrorInvalidUrlQuery")],
)
def test_a_link_is_forgotten_in_many_words(
    wired: Callable[..., Any], app: OAuth2App, clock: Any, status: int, code: str
) -> None:
    """Whatever Graph calls it, a link of its own that it cannot read begins anew; a refused beginning does not."""
    refusal = Answer(status, {"Location": f"{HOST}/users/ada/all"}, {"error": {"code": code}})
    client, _ = wired(lambda *_: refusal)
    history = GraphHistory(client, clock, Slots())
    found = history.follow(app, "ada", "inbox", LINK)
    assert found == FolderChanges((), (), beginning("ada", "inbox", clock.now()), more=True, reset=True)
    with pytest.raises(MailboxRefused):
        history.follow(app, "ada", "inbox", found.link)


def test_the_longest_wait_counts(wired: Callable[..., Any], app: OAuth2App, clock: Any) -> None:
    """A look of which any part is throttled is asked for again as a whole, when the last part allows it."""
    client, _ = wired(lambda *_: batched(listed(), listed(), throttled(3), throttled(20)))
    with pytest.raises(TryLater) as caught:
        GraphHistory(client, clock, Slots()).glance(app, "ada", clock.now(), {"a": None, "b": LINK})
    assert caught.value.retry_after == timedelta(seconds=20)


def test_a_refusal_outweighs_a_wait(wired: Callable[..., Any], app: OAuth2App, clock: Any, sample: Any) -> None:
    """Where one part is refused and another busy, waiting would not help."""
    client, _ = wired(lambda *_: batched(throttled(3), sample("access-denied")))
    with pytest.raises(MailboxRefused):
        GraphHistory(client, clock, Slots()).glance(app, "ada", clock.now(), {"a": None})


@pytest.mark.parametrize(
    "answer", [batched(*[listed()] * 2), batched(*[listed()] * 2, Answer(200, {}, None)), batched(*[listed()] * 3)]
)
def test_half_an_answer_is_none(wired: Callable[..., Any], app: OAuth2App, clock: Any, answer: Answer) -> None:
    """A part without an answer, without a body or without a link to go on from is asked for again."""
    client, _ = wired(lambda *_: answer)
    with pytest.raises(TryLater):
        GraphHistory(client, clock, Slots()).glance(app, "ada", clock.now(), {"a": LINK})
