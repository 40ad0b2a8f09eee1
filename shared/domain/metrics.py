"""
Metrics: what `GET /metrics` tells, named here and nowhere else, and which log events each counter is counted from.

Where EmailEngine has a metric that means the same, its name and labels are kept, so that dashboards survive the move;
what it lacks begins with `relay365_` and follows Prometheus' conventions. A label's values are a fixed set of words:
whatever else a log event says becomes `other`, so no label can carry an address, a subject, a token or an account.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.accounts import AccountState
from shared.domain.deliveries import DeliveryState
from shared.domain.events import EventName

OTHER = "other"
# EmailEngine's own.
_POST_MILLISECONDS = (100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000, 60_000)
# The steps of the retry schedule lie between the last ones.
_DELAY_SECONDS = (0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 21_600, 86_400, 259_200)


class Kind(StrEnum):
    """What a number means over time, in Prometheus' words."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Label:
    """A label: the words that the log's *field* may say, and what the label says then. Without a field it is fixed."""

    name: str
    words: Mapping[str, str] = field(default_factory=dict)
    field: str | None = None
    otherwise: str = OTHER

    def value(self, fields: Mapping[str, object]) -> str:
        """Returns what the label says of a log event."""
        return self.words.get(str(fields.get(self.field)), self.otherwise) if self.field else self.otherwise


@dataclass(frozen=True, slots=True)
class Count:
    """
    A log event that is counted: as one, or as the number in its field *amount* times *scale*.

    With *each*, that field holds numbers by the words of the one label. Only events whose field *where* is *equals*
    count, if that is given.
    """

    event: str
    labels: tuple[Label, ...] = ()
    amount: str | None = None
    scale: float = 1
    each: str | None = None
    where: str | None = None
    equals: str | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric; a histogram has the upper bounds of its *buckets*."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    counts: tuple[Count, ...] = ()


def _same(words: Iterable[str]) -> dict[str, str]:
    return {str(word): str(word) for word in words}


def _by_event(label: str, events: Mapping[str, str]) -> tuple[Count, ...]:
    """Returns counts of log events, each of which the label calls by a word of its own."""
    return tuple(Count(event, (Label(label, otherwise=word),)) for event, word in events.items())


_NAMES = _same(EventName)
_STATUS = Label("status", {DeliveryState.DELIVERED: "success"}, "state", "fail")
_ATTEMPTED = "delivery.attempted"
# Only those that were asked for count: all others are in their message's line.
_LOOK = "account.swept"

_COUNTED = (
    Metric(
        "events",
        Kind.COUNTER,
        "Events that were made of changes.",
        ("event",),
        counts=(Count("changes.expanded", (Label("event", _NAMES),), each="kinds"),),
    ),
    Metric(
        "webhooks",
        Kind.COUNTER,
        "Attempts to deliver an event, by how they ended.",
        ("status", "event"),
        counts=(Count(_ATTEMPTED, (_STATUS, Label("event", _NAMES, "kind"))),),
    ),
    Metric(
        "webhook_req",
        Kind.HISTOGRAM,
        "Duration of an attempt, in milliseconds.",
        buckets=_POST_MILLISECONDS,
        counts=(Count(_ATTEMPTED, amount="milliseconds"),),
    ),
    Metric(
        "relay365_delivery_delay_seconds",
        Kind.HISTOGRAM,
        "From the moment at which we learned of an event to the 2xx of its endpoint.",
        buckets=_DELAY_SECONDS,
        counts=(Count(_ATTEMPTED, amount="age", scale=0.001, where="state", equals=DeliveryState.DELIVERED),),
    ),
    Metric(
        "relay365_deliveries_deferred_total",
        Kind.COUNTER,
        "Attempts that were put off because the endpoint's breaker is open.",
        counts=(Count("delivery.deferred"),),
    ),
    Metric(
        "relay365_breaker_openings_total",
        Kind.COUNTER,
        "How often a process began to leave an endpoint alone.",
        counts=(Count("breaker.opened"),),
    ),
    Metric(
        "relay365_webhooks_disabled_total",
        Kind.COUNTER,
        "Webhooks that were disabled, by 410 or after 5 days of failures.",
        counts=(Count("webhook.disabled"),),
    ),
    Metric(
        "relay365_notifications_total",
        Kind.COUNTER,
        "Notifications of Graph, by what became of them; what is skipped does not prove that it is ours.",
        ("outcome",),
        counts=(
            Count("notifications.accepted", (Label("outcome", otherwise="queued"),), amount="queued"),
            Count("notifications.accepted", (Label("outcome", otherwise="skipped"),), amount="skipped"),
        ),
    ),
    Metric(
        "relay365_notifications_refused_total",
        Kind.COUNTER,
        "Requests of Graph that were refused because storage was too slow, or failed; Graph comes again.",
        ("storage",),
        counts=_by_event("storage", {"notifications.late": "slow", "notifications.refused": "failed"}),
    ),
    Metric(
        "relay365_subscriptions_total",
        Kind.COUNTER,
        "What happened to subscriptions.",
        ("event",),
        counts=_by_event(
            "event",
            {
                "subscription.created": "created",
                "subscription.renewed": "renewed",
                "subscription.removed": "removed",
                "subscription.silent": "silent",
                "subscription.abandoned": "abandoned",
            },
        ),
    ),
    Metric(
        "relay365_account_failures_total",
        Kind.COUNTER,
        "Accounts that could not be connected, by the state that this left them in.",
        ("state",),
        counts=(
            Count("account.failed", (Label("state", _same(AccountState), "state"),)),
            Count("account.polling", (Label("state", otherwise="polling"),)),
        ),
    ),
    Metric(
        "relay365_refusals_total",
        Kind.COUNTER,
        "What Microsoft 365 refused, or could not do yet, by what was asked.",
        ("asked",),
        counts=_by_event(
            "asked", {"message.unread": "message", "catch_up.refused": "catch_up", "grant.refused": "token"}
        ),
    ),
    Metric(
        "relay365_quota_waits_total",
        Kind.COUNTER,
        "Windows in which a process found Graph's quota for subscriptions spent.",
        counts=(Count("quota.spent"),),
    ),
    Metric(
        "relay365_sweeps_total",
        Kind.COUNTER,
        "Looks at mailboxes.",
        counts=(Count("sweeps.ended", amount="accounts"), Count(_LOOK, where="asked", equals="True")),
    ),
    Metric(
        "relay365_silent_finds_total",
        Kind.COUNTER,
        "Changes that a look found and nobody had announced; those of polled mailboxes and first looks too.",
        counts=(
            Count("sweeps.ended", amount="unannounced"),
            Count(_LOOK, amount="unannounced", where="asked", equals="True"),
        ),
    ),
    Metric(
        "relay365_postponed_total",
        Kind.COUNTER,
        "Work that was put back because something that we need did not answer.",
        ("work",),
        counts=_by_event("work", {"changes.postponed": "changes", "retry.postponed": "retry", "job.postponed": "job"}),
    ),
    Metric(
        "relay365_poison_kept_total",
        Kind.COUNTER,
        "Messages that failed five times and were put aside.",
        ("queue",),
        counts=(Count("poison.kept", (Label("queue", _same(("changes", "retries", "jobs")), "queue"),)),),
    ),
    Metric(
        "relay365_dependency_failures_total",
        Kind.COUNTER,
        "Health checks in which a dependency did not answer.",
        ("dependency",),
        counts=(
            Count("dependency.down", (Label("dependency", _same(("storage", "vault", "sidecar")), "dependency"),)),
        ),
    ),
    Metric(
        "relay365_ticks_total",
        Kind.COUNTER,
        "Ticks; a stale one was made by somebody else, because the timer had been silent.",
        ("kind",),
        counts=_by_event("kind", {"timers.ticked": "ticked", "timers.overtaken": "overtaken", "timers.stale": "stale"}),
    ),
    Metric(
        "relay365_sessions_interrupted_total",
        Kind.COUNTER,
        "Connections of the sidecar that ended before their time.",
        counts=(Count("session.interrupted"), Count("session.lost")),
    ),
    Metric(
        "relay365_sidecar_troubles_total",
        Kind.COUNTER,
        "What should not happen to a sidecar: it found a bug, or could not beat and had to let go.",
        ("trouble",),
        counts=_by_event(
            "trouble",
            {
                "session.broken": "session_broken",
                "supervisor.broken": "supervisor_broken",
                "replica.fenced": "replica_fenced",
            },
        ),
    ),
)

QUEUE_SIZE = Metric(
    "queue_size",
    Kind.GAUGE,
    "Messages on a queue, hidden ones too: those of `retries` wait for their time, `failed` ones for somebody.",
    ("queue", "state"),
)
OUTLOOK_SUBSCRIPTIONS = Metric(
    "outlook_subscriptions",
    Kind.GAUGE,
    "Accounts by their subscription at the last census: valid, expired, failed (polled), pending, or unset.",
    ("status",),
)
IMAP_CONNECTIONS = Metric(
    "imap_connections", Kind.GAUGE, "Mailboxes that the sidecar keeps, by whether they are open.", ("status",)
)
ACCOUNTS = Metric("relay365_accounts", Kind.GAUGE, "Accounts by state, at the last census.", ("state",))
CENSUS_AGE = Metric("relay365_census_age_seconds", Kind.GAUGE, "How long ago accounts were counted.")
SOONEST_END = Metric(
    "relay365_subscription_soonest_end_seconds",
    Kind.GAUGE,
    "How long the subscription that ends next has left; below 0 it is over.",
)
OLDEST_UNDELIVERED = Metric(
    "relay365_oldest_undelivered_seconds",
    Kind.GAUGE,
    "Age of the oldest event that still waits for its endpoint; up to an hour too long, and 0 where none waits.",
)
LAST_TICK = Metric("relay365_last_tick_seconds", Kind.GAUGE, "How long ago the timer ran.")
POISON = Metric(
    "relay365_poison_waiting", Kind.GAUGE, "Messages that were given up, and that nobody has requeued or dismissed."
)
CREDENTIAL_DAYS = Metric(
    "relay365_credential_days",
    Kind.GAUGE,
    "Days until an application's client secret or certificate ends; below 0 it has.",
    ("app",),
)
PROCESSES = Metric("relay365_processes", Kind.GAUGE, "Processes that counted something in the last hour or so.")

METRICS = (
    *_COUNTED,
    QUEUE_SIZE,
    OUTLOOK_SUBSCRIPTIONS,
    IMAP_CONNECTIONS,
    ACCOUNTS,
    CENSUS_AGE,
    SOONEST_END,
    OLDEST_UNDELIVERED,
    LAST_TICK,
    POISON,
    CREDENTIAL_DAYS,
    PROCESSES,
)


def series(metric: Metric, *values: str) -> str:
    """Returns what sums are kept under: the metric's name and the values of its labels, which are words."""
    return " ".join((metric.name, *values))
