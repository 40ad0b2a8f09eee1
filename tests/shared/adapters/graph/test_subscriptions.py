"""Having Graph call us."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.graph.errors import Answer
from shared.adapters.graph.subscriptions import GraphSubscriptions
from shared.adapters.system import SystemClock
from shared.domain.errors import MailboxRefused, NoRoom, QuotaSpent, TryLater
from shared.domain.oauth2 import OAuth2App
from shared.domain.quotas import CallKind

HERE = "https://relay.example/sub"
USER = "ada@contoso.example"
ID = "0c1d2e3f-1111-4222-8333-444455556666"


@dataclass
class Spent:
    """Notes what is spent, and lets nobody spend more than `left`."""

    left: int = 1000
    kinds: list[CallKind] = field(default_factory=list)

    def spend(self, app: OAuth2App, kind: CallKind) -> None:
        """Spend one call."""
        if len(self.kinds) >= self.left:
            raise QuotaSpent(kind, timedelta(seconds=5))
        self.kinds.append(kind)


@pytest.fixture
def living(tenant: Any) -> GraphSubscriptions:
    """Return subscriptions at a Microsoft 365 that does not ask the endpoint."""
    tenant.m365.behaviour(validation=False)
    return GraphSubscriptions(tenant.client, SystemClock(), Spent())


def standing(**values: Any) -> Answer:
    """Answer with a subscription as Graph keeps it."""
    said = {
        "id": ID,
        "resource": "Users('ada@contoso.example')/messages",
        "notificationUrl": f"{HERE}/oauth/msg/notification",
        "lifecycleNotificationUrl": f"{HERE}/oauth/msg/lifecycle",
        "expirationDateTime": "2026-11-28T01:45:00+02:00",
        "clientState": None,
    }
    return Answer(200, {}, said | values)


def test_a_subscription_covers_the_mailbox_for_seven_days(tenant: Any, living: GraphSubscriptions) -> None:
    """All kinds of change in all folders, with immutable ids, our client state and both of our URLs."""
    made = living.create(tenant.app, USER, "1.k.state.mac", HERE)
    (known,) = tenant.m365.subscriptions()
    assert known["id"] == made.id
    assert known["clientState"] == "1.k.state.mac"
    assert known["changeType"] == "created,updated,deleted"
    assert known["resource"] == f"users/{USER}/messages"
    assert known["notificationUrl"] == f"{HERE}/oauth/msg/notification"
    assert known["lifecycleNotificationUrl"] == f"{HERE}/oauth/msg/lifecycle"
    assert made.expires - made.created > timedelta(minutes=10_060)
    assert (made.service_url, made.signed_with) == (HERE, "k")


def test_a_subscription_that_stands_is_adopted(tenant: Any, living: GraphSubscriptions) -> None:
    """Creating twice, as after a crash, leaves one subscription, which is found, renewed and ended by its id."""
    first = living.create(tenant.app, USER, "s", HERE)
    adopted = living.create(tenant.app, USER, "1.k.another.state", HERE)
    assert (adopted.id, adopted.signed_with) == (first.id, None)
    assert [found.id for found in living.find(tenant.app, USER, HERE)] == [first.id]
    assert living.find(tenant.app, USER, "https://elsewhere.example") == []
    assert living.find(tenant.app, "eve@contoso.example", HERE) == []
    renewed = living.renew(tenant.app, first.id)
    assert renewed is not None
    assert renewed.expires >= first.expires
    living.delete(tenant.app, first.id)
    living.delete(tenant.app, first.id)
    assert tenant.m365.subscriptions() == []
    assert living.renew(tenant.app, first.id) is None


def test_a_deployment_that_moved_replaces_its_subscription(tenant: Any, living: GraphSubscriptions) -> None:
    """The lifecycle URL cannot be changed, so a subscription with another one is deleted and made anew."""
    first = living.create(tenant.app, USER, "s", "https://old.example")
    second = living.create(tenant.app, USER, "s", HERE)
    assert second.id != first.id
    (known,) = tenant.m365.subscriptions()
    assert known["notificationUrl"].startswith(HERE)


def test_a_mailbox_under_another_spelling_is_named(tenant: Any, living: GraphSubscriptions) -> None:
    """A subscription by object id stands in the way of one by address, and the refusal says so."""
    living.create(tenant.app, tenant.mailbox.id, "s", HERE)
    with pytest.raises(MailboxRefused) as caught:
        living.create(tenant.app, USER, "s", HERE)
    assert tenant.mailbox.id in str(caught.value)


def test_a_conflict_without_an_id_is_looked_up(wired: Callable[..., Any], app: Any, clock: Any) -> None:
    """Where Graph's sentence names no subscription, the list does, page after page, in any spelling."""
    pages = [
        Answer(200, {}, {"value": [standing(resource="users/eve/messages").body], "@odata.nextLink": "x://y/v1.0/p"}),
        Answer(200, {}, {"value": [standing().body]}),
    ]
    conflict = Answer(409, {}, {"error": {"code": "Conflict", "message": f"Exists for {app.client_id}."}})
    answers = {"POST": [conflict], "GET": pages, "PATCH": [standing()]}
    client, wire = wired(lambda method, *_: answers[method].pop(0))
    made = GraphSubscriptions(client, clock, Spent()).create(app, USER, "s", HERE)
    assert made.id == ID
    assert made.expires.isoformat() == "2026-11-27T23:45:00+00:00"
    assert [call[0] for call in wire.calls] == ["POST", "GET", "GET", "PATCH"]


def test_a_shorter_ceiling_is_kept_to(wired: Callable[..., Any], app: Any, clock: Any, sample: Any) -> None:
    """A cloud that allows less than seven days is asked once more, for what was always allowed, and then only that."""
    answers = [sample("expiration-too-long"), standing(), standing()]
    client, wire = wired(lambda *_: answers.pop(0))
    spent = Spent()
    subscriptions = GraphSubscriptions(client, clock, spent)
    subscriptions.create(app, USER, "s", HERE)
    subscriptions.renew(app, ID)
    ends = [call[2]["expirationDateTime"] for call in wire.calls]
    assert ends == ["2026-11-28T00:45:00.000Z", "2026-11-23T23:30:00.000Z", "2026-11-23T23:30:00.000Z"]
    # The first of each is the caller's to spend.
    assert spent.kinds == [CallKind.WRITE]


def test_what_a_conflict_costs_is_spent(wired: Callable[..., Any], app: Any, clock: Any, sample: Any) -> None:
    """Adopting what stands costs a read and a write more; where none is left, nothing more is asked."""
    answers = {"POST": [sample("subscription-exists")] * 2, "GET": [standing()] * 2, "PATCH": [standing()]}
    client, wire = wired(lambda method, *_: answers[method].pop(0))
    spent = Spent()
    GraphSubscriptions(client, clock, spent).create(app, USER, "s", HERE)
    assert spent.kinds == [CallKind.READ, CallKind.WRITE]
    with pytest.raises(QuotaSpent):
        GraphSubscriptions(client, clock, Spent(left=1)).create(app, USER, "s", HERE)
    assert [call[0] for call in wire.calls] == ["POST", "GET", "PATCH", "POST", "GET"]


def test_a_long_list_is_read_as_far_as_the_quota_goes(wired: Callable[..., Any], app: Any, clock: Any) -> None:
    """A list without end costs a call a page, and ends where the quota does, with what was found by then."""
    page = Answer(200, {}, {"value": [standing().body], "@odata.nextLink": "x://y/v1.0/p"})
    client, wire = wired(lambda *_: page)
    spent = Spent(left=3)
    assert len(GraphSubscriptions(client, clock, spent).find(app, USER, HERE)) == 4
    assert spent.kinds == [CallKind.LIST] * 3
    assert len(wire.calls) == 4


def test_an_endpoint_that_is_silent_is_our_business(tenant: Any) -> None:
    """A failed handshake is TryLater, and says where to look."""
    with pytest.raises(TryLater) as caught:
        GraphSubscriptions(tenant.client, SystemClock(), Spent()).create(tenant.app, USER, "s", "http://127.0.0.1:9")
    assert "http://127.0.0.1:9/health" in str(caught.value)


@pytest.mark.parametrize(
    ("case", "error", "mend"),
    [
        ("subscription-limit", NoRoom, "at most 1,000"),
        ("extension-forbidden", MailboxRefused, "Mail.Read"),
        ("mailbox-on-premises", MailboxRefused, "licence"),
        ("endpoint-silent", TryLater, None),
        ("throttled", TryLater, None),
    ],
)
def test_a_refusal_says_what_helps(  # noqa: PLR0917  fixtures, and the columns of the table
    wired: Callable[..., Any], app: Any, clock: Any, sample: Any, case: str, error: type[Exception], mend: str | None
) -> None:
    """Limits, permissions and licences are a human's business; handshakes and throttling pass."""
    client, _ = wired(lambda *_: sample(case))
    with pytest.raises(error) as caught:
        GraphSubscriptions(client, clock, Spent()).create(app, USER, "s", HERE)
    if mend:
        assert mend in getattr(caught.value, "mend", "")


def test_the_id_is_read_from_the_conflict(wired: Callable[..., Any], app: Any, clock: Any, sample: Any) -> None:
    """The subscription that a conflict names is adopted without the dear list; the application's id is not it."""
    answers = {"POST": [sample("subscription-exists")], "GET": [standing()], "PATCH": [standing()]}
    client, wire = wired(lambda method, *_: answers[method].pop(0))
    assert GraphSubscriptions(client, clock, Spent()).create(app, USER, "s", HERE).id == ID
    assert wire.calls[1][1].endswith(f"/subscriptions/{ID}")
