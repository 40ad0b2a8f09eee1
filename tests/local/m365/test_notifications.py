"""What is pushed, how it is repeated, and what goes wrong on the way."""

import time
from typing import Any

from local.m365 import samples
from local.m365.control import Microsoft365


def test_created_updated_moved_deleted(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """Each change is told with the immutable id, and a move is told as deleted and created."""
    graph.subscribe(endpoint.url)
    identity = m365.deliver(graph.mailbox.id, samples.plain())
    (created,) = endpoint.wait(1)
    assert (created["changeType"], created["clientState"], created["tenantId"]) == ("created", "ours", graph.tenant.id)
    assert created["resourceData"]["id"] == identity
    assert created["resource"] == created["resourceData"]["@odata.id"]
    m365.set_read(graph.mailbox.id, identity)
    assert endpoint.kinds(2) == ["created", "updated"]
    m365.move(graph.mailbox.id, identity, "archive")
    assert endpoint.kinds(4) == ["created", "created", "deleted", "updated"]
    m365.delete(graph.mailbox.id, identity)
    assert {item["resourceData"]["id"] for item in endpoint.wait(5)} == {identity}
    spellings = {item["resource"].partition("(")[1] for item in endpoint.items}
    assert spellings == {"", "("}


def test_folder_and_filter_subscriptions(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """A folder's subscription is deaf to other folders, and one with a filter tells of entering and leaving it."""
    graph.subscribe(f"{endpoint.url}&a", resource=f"users/{graph.mailbox.id}/mailFolders('inbox')/messages")
    m365.deliver(graph.mailbox.id, samples.plain(), "archive")
    unread = f"users/{graph.mailbox.id}/messages?$filter=isRead eq false"
    graph.subscribe(f"{endpoint.url}&b", resource=unread)
    identity = m365.deliver(graph.mailbox.id, samples.plain())
    assert endpoint.kinds(2) == ["created", "created"]
    m365.set_read(graph.mailbox.id, identity)
    assert endpoint.kinds(4) == ["created", "created", "deleted", "updated"]


def test_sent_mail_is_created_twice(graph: Any, endpoint: Any) -> None:
    """Sending tells `created` for the draft and for the copy in Sent Items, of one id."""
    graph.subscribe(endpoint.url)
    recipients = [{"emailAddress": {"address": "somebody@elsewhere.example"}}]
    graph.call("POST", "/sendMail", {"message": {"subject": "Hi", "toRecipients": recipients}})
    assert endpoint.kinds(2) == ["created", "created"]
    assert len({item["resourceData"]["id"] for item in endpoint.items}) == 1


def test_what_is_due_goes_out_together(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """A burst travels in one POST, or one by one when a POST may hold only one."""
    graph.subscribe(endpoint.url)
    m365.behaviour(notification_latency=0)
    delivered = m365.deliver_many([graph.mailbox.id], 50, [samples.plain()])
    endpoint.wait(50)
    assert len(endpoint.posts) == 1
    assert {item["resourceData"]["id"] for item in endpoint.items} == {row.id for row in delivered}
    m365.behaviour(notifications_per_post=1)
    m365.deliver_many([graph.mailbox.id], 20, [samples.plain()])
    endpoint.wait(70)
    assert len(endpoint.posts) == 1 + 20


def test_bulk_delivery_keeps_its_rate(graph: Any, m365: Microsoft365) -> None:
    """A bulk delivery is no faster than its rate says, and each copy has an identity of its own."""
    began = time.time()
    delivered = m365.deliver_many([graph.mailbox.id], 60, [samples.plain()], rate=100)
    assert delivered[-1].at - began > 0.55
    assert len({row.internet_message_id for row in delivered}) == 60
    one = graph.get(f"/messages/{delivered[7].id}?$select=subject,internetMessageId")
    assert (one["subject"][-3:], one["internetMessageId"]) == (" #7", delivered[7].internet_message_id)
    mime = graph.call("GET", f"/messages/{delivered[7].id}/$value").content
    assert one["internetMessageId"].encode() in mime


def test_retries_until_taken(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """A refused POST comes again with growing pauses, and is given up at the horizon."""
    graph.subscribe(endpoint.url)
    m365.behaviour(retry_scale=0.005)
    endpoint.statuses = [500, 404]
    m365.deliver(graph.mailbox.id, samples.plain())
    endpoint.wait(1)
    assert m365.stats()["calls"]["retries"] == 2
    m365.behaviour(retry_horizon=10)
    endpoint.statuses = [500] * 5
    m365.deliver(graph.mailbox.id, samples.plain())
    until_counted(m365, "notifications_given_up")


def test_faults_are_counted(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """Notifications get lost, doubled, falsified or refused exactly as often as asked."""
    graph.subscribe(endpoint.url)
    m365.behaviour(retry_scale=0.005)
    once = {"count": 1}
    m365.faults(lost=once, duplicated={"count": 2}, refused=once)
    m365.deliver_many([graph.mailbox.id], 5, [samples.plain()])
    items = endpoint.wait(6)
    assert len({item["resourceData"]["id"] for item in items}) == 4
    m365.faults(wrong_client_state=once, unknown_change_type=once)
    m365.deliver_many([graph.mailbox.id], 2, [samples.plain()])
    items = endpoint.wait(8)[6:]
    assert sorted(item["clientState"] for item in items) == ["another-ours", "ours"]
    assert sorted(item["changeType"] for item in items) == ["created", "unknownFutureValue"]
    expected = {"lost": 1, "duplicated": 2, "refused": 1, "wrong_client_state": 1, "unknown_change_type": 1}
    assert m365.stats()["faults"] == expected


def test_delayed_is_overtaken(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """A delayed notification comes after one that was made later."""
    graph.subscribe(endpoint.url)
    m365.behaviour(posts_in_flight=1)
    m365.faults(delayed={"count": 1, "seconds": 0.3})
    first, second = m365.deliver_many([graph.mailbox.id], 2, [samples.plain()])
    assert [item["resourceData"]["id"] for item in endpoint.wait(2)] == [second.id, first.id]


def test_dropped_endpoint_hears_missed(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """An endpoint that is far too slow loses what comes next, and hears `missed` when it is trusted again."""
    graph.subscribe(endpoint.url)
    told = 0
    # On a machine that stands still for the whole window it is trusted again too soon; then the window is longer.
    for number, window in enumerate((1, 8, 64), 1):
        m365.behaviour(endpoint_sample=1, endpoint_window=window, retry_timeout=0)
        m365.deliver(graph.mailbox.id, samples.plain())
        until_counted(m365, "endpoints_dropped", number)
        m365.behaviour(retry_timeout=60)
        m365.deliver(graph.mailbox.id, samples.plain())
        if m365.stats()["calls"].get("notifications_dropped"):
            break
        told += 3
        endpoint.wait(told)
    *_, first, second = endpoint.wait(told + 2, 120)
    assert (first["changeType"], second["lifecycleEvent"]) == ("created", "missed")
    assert m365.stats()["calls"]["notifications_dropped"] == 1


def test_lifecycle_trio(graph: Any, endpoint: Any, m365: Microsoft365) -> None:
    """The three lifecycle events reach the lifecycle URL, and a removal can be silent."""
    identity = graph.subscribe(endpoint.url).json()["id"]
    m365.lifecycle(identity, "reauthorizationRequired")
    m365.lifecycle(identity, "missed")
    m365.remove_subscription(identity, silently=False)
    items = endpoint.wait(3)
    events = {item["lifecycleEvent"] for item in items}
    assert events == {"reauthorizationRequired", "missed", "subscriptionRemoved"}
    assert all("resourceData" not in item and item["clientState"] == "ours" for item in items)
    second = graph.subscribe(endpoint.url).json()["id"]
    m365.remove_subscription(second, silently=True)
    assert graph.subscriptions("GET", f"/{second}").status_code == 404
    assert len(endpoint.items) == 3


def until_counted(m365: Microsoft365, kind: str, number: int = 1) -> None:
    """Wait until the service has counted so many of a kind."""
    until = time.monotonic() + 60
    while m365.stats()["calls"].get(kind) != number:
        assert time.monotonic() < until, m365.stats()
        time.sleep(0.02)
