"""Counting: what a log event adds to which series."""

from shared.domain.counting import counted
from shared.domain.deliveries import DeliveryState
from shared.domain.events import EventName
from shared.domain.metrics import METRICS

LATE = {"state": "retrying", "kind": "messageNew", "milliseconds": 251, "age": 4000, "webhook": "default"}


def test_an_attempt_is_counted_where_it_belongs() -> None:
    """An attempt adds to its outcome and to the bucket of its duration; a delay only where it was the last."""
    assert dict(counted("delivery.attempted", LATE)) == {
        "webhooks fail messageNew": 1,
        "webhook_req 2": 1,
        "webhook_req sum": 251,
    }
    delivered = dict(counted("delivery.attempted", {**LATE, "state": DeliveryState.DELIVERED}))
    assert delivered["webhooks success messageNew"] == 1
    assert (delivered["relay365_delivery_delay_seconds 3"], delivered["relay365_delivery_delay_seconds sum"]) == (1, 4)


def test_what_is_beyond_the_last_bucket_counts() -> None:
    """A value on a bound is in its bucket, one beyond the last is over, and a line without one adds nothing."""
    assert dict(counted("delivery.attempted", {"milliseconds": 60_000}))["webhook_req 9"] == 1
    assert dict(counted("delivery.attempted", {"milliseconds": 60_001}))["webhook_req over"] == 1
    assert dict(counted("delivery.attempted", {})) == {"webhooks fail other": 1}


def test_events_are_counted_by_name() -> None:
    """A batch tells how many events of each name it made, and notifications what became of them."""
    assert dict(counted("changes.expanded", {"kinds": {"messageNew": 3, "messageDeleted": 1}})) == {
        "events messageNew": 3,
        "events messageDeleted": 1,
    }
    assert dict(counted("notifications.accepted", {"queued": 2, "skipped": 1})) == {
        "relay365_notifications_total queued": 2,
        "relay365_notifications_total skipped": 1,
    }
    assert list(counted("nothing.of_ours", {"queued": 2})) == []


def test_every_look_counts_once() -> None:
    """Looks are counted from the line of their message; of those with a line of their own, only what was asked for."""
    assert dict(counted("sweeps.ended", {"accounts": 20, "changes": 5, "unannounced": 3, "failed": 1})) == {
        "relay365_sweeps_total": 20,
        "relay365_silent_finds_total": 3,
    }
    assert dict(counted("account.swept", {"asked": False, "unannounced": 3})) == {}
    assert dict(counted("account.swept", {"asked": True, "unannounced": 3})) == {
        "relay365_sweeps_total": 1,
        "relay365_silent_finds_total": 3,
    }


def test_a_label_says_nothing_but_its_words() -> None:
    """Whatever a log event says, no label carries it: an address, a subject or a token becomes `other`."""
    private = "anna@contoso.com"
    fields = dict.fromkeys(("kind", "state", "queue", "dependency", "account", "webhook", "error"), private)
    told = [
        name
        for metric in METRICS
        for count in metric.counts
        for name, _ in counted(count.event, {**fields, "kinds": {private: 1}, "milliseconds": 1, "age": 1})
    ]
    assert len(told) > 20
    assert [name for name in told if private in name] == []
    assert {"events other", "webhooks fail other", "relay365_poison_kept_total other"} <= set(told)


def test_every_event_has_a_word() -> None:
    """Each event that a webhook can carry is counted under its own name."""
    for name in EventName:
        assert dict(counted("changes.expanded", {"kinds": {name: 1}})) == {f"events {name}": 1}
