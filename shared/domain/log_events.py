"""
The log's vocabulary: every line that the product writes, what it says, and which fields it has.

Each unit of work ends in one line that tells its outcome; further lines tell what somebody should look at. A line has
no mail content and no secret. docs/log.md shows this table; a test holds both to the code.
"""

from dataclasses import dataclass

from shared.domain.backlog import Backlog

# What the same field means in every line.
FIELDS = {
    "account": "the account's id, as the API knows it",
    "account_key": "the key of its row, where the row could not be read",
    "correlation": "joins the lines of one cause, see above",
    "event_id": "the event's id, as `webhook-id` carries it",
    "delivery": "the delivery's id, for `GET /v1/deliveries/{delivery}`",
    "webhook": "the webhook's id: `default`, or the account's own",
    "milliseconds": "how long the unit of work took",
    "error": "what went wrong: our own words, or the kind of an error that nobody foresaw",
    "stack": "where an unforeseen error happened: file, line and function, the innermost last",
}


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A line: its name, what it says, its fields (some of which may be absent), and whether it wants attention."""

    name: str
    says: str
    fields: tuple[str, ...]
    problem: bool = False


def _event(name: str, says: str, fields: str) -> LogEvent:
    return LogEvent(name, says, tuple(fields.split()))


def _problem(name: str, says: str, fields: str) -> LogEvent:
    return LogEvent(name, says, tuple(fields.split()), problem=True)


_DELIVERY = "delivery event_id webhook account kind correlation"
_JOB = "kind account account_key app correlation error stack"
_SESSION = "account account_key correlation"

EVENTS = (
    _event(
        "notifications.accepted",
        "A POST of Graph's is stored; `skipped` items were not ours.",
        "items queued skipped correlation milliseconds",
    ),
    _problem("notifications.late", "The queue took too long; Graph was refused, and comes again.", "waited"),
    _problem("notifications.refused", "The queue took nothing; Graph was refused, and comes again.", "error"),
    _event("lifecycle.accepted", "Graph asks for a renewal, or tells of a loss.", "items queued milliseconds"),
    _event(
        "changes.expanded",
        "A batch of changes became events. `account` and `correlation` are there where the batch has a single one.",
        "account correlation changes kinds events again crowded redelivered milliseconds",
    ),
    _problem(
        "changes.parted",
        "Changes that only a newer version understands go on in a message of theirs.",
        "changes correlation",
    ),
    _problem(
        "changes.unknown",
        "A message holds nothing but such changes, and fails; the host tries it five times.",
        "changes correlation",
    ),
    _problem("changes.postponed", "Storage or vault did not answer; the batch waits.", "changes correlation error"),
    _problem(
        "message.failed",
        "A message of a queue failed for a reason that nobody foresaw; the host tries it five times.",
        "function message takes error stack",
    ),
    _problem(
        "message.unread",
        "A message could not be read or told, and is tried again.",
        "account correlation tries wait error stack",
    ),
    _event(
        "delivery.attempted",
        "One POST, and the delivery's `state` after it; `age` is in milliseconds.",
        f"{_DELIVERY} state attempt status error milliseconds age next_attempt",
    ),
    _event(
        "delivery.deferred",
        "Its endpoint is left alone for a while; no attempt was made.",
        f"{_DELIVERY} wait age next_attempt",
    ),
    _event("delivery.unasked", "It ended without a POST; `reason` says why.", f"{_DELIVERY} state reason"),
    _event("delivery.resent", "Somebody asked for one more attempt.", "delivery event_id webhook account"),
    _event(
        "retry.pointless",
        "A retry found its attempt made by somebody else, or its delivery ended or gone.",
        "delivery event_id webhook",
    ),
    _problem(
        "retry.postponed", "Storage or vault did not answer; the attempt waits.", "delivery event_id webhook error"
    ),
    _problem("breaker.opened", "An endpoint mostly fails and is left alone.", "webhook until openings"),
    _event("breaker.closed", "An endpoint answers again.", "webhook"),
    _problem("webhook.disabled", "A webhook is disabled; what it would get is parked.", "webhook reason"),
    _event("replay.started", "A replay is queued.", "replay webhook"),
    _event("replay.ended", "A replay has queued its last delivery.", "replay webhook queued"),
    _problem("replay.stopped", "A replay ends before its end.", "replay webhook reason"),
    _event(
        "job.ended",
        "A job; `outcome` is `done`, `pointless` (nobody wants it any more), `again` (somebody else is at the same "
        "row) or `quota` (its turn with Graph comes later). Sweeps that looked end in `sweeps.ended` instead.",
        "kind outcome account app webhook correlation milliseconds",
    ),
    _problem("job.postponed", "Something that a job needs does not answer; the job waits.", _JOB),
    _problem("job.parted", "A job failed in company, and goes on alone.", _JOB),
    _problem("job.failed", "A job failed; the host tries it again, five times in all.", _JOB),
    _event("timers.ticked", "What is due was queued.", "queued since milliseconds"),
    _event("timers.overtaken", "Another tick is at it.", "queued"),
    _problem("timers.stale", "The timer has not run for `age` seconds; this process ticks instead.", "age"),
    _event(
        "sweeps.ended",
        "The sweeps of one message of jobs: `accounts` were looked at, and `failed` others could not be. What was "
        "`unannounced` no notification had told.",
        "accounts changes unannounced failed milliseconds",
    ),
    _event(
        "account.swept",
        "A look at a mailbox that found something, was the first, or was `asked` for by other than its turn.",
        "account correlation asked patience messages changes unannounced milliseconds",
    ),
    _problem("account.unswept", "A look failed, and is tried again.", "account correlation error"),
    _problem("catch_up.refused", "A mailbox refuses to be looked at, and is tried again.", "account correlation error"),
    _problem("folder.reset", "Graph forgot how far we had followed a folder.", "account correlation folder"),
    _event("account.registered", "An account is stored; jobs connect it.", "account app correlation"),
    _event("account.connected", "Its mailbox is open and watched.", "account correlation"),
    _problem(
        "account.polling", "It is connected, but Graph cannot call us about it.", "account correlation error again"
    ),
    _problem(
        "account.failed",
        "It could not be connected; `authenticationError` wants a human.",
        "account correlation state code error again",
    ),
    _event("account.deleted", "An account was removed.", "account correlation"),
    _event("account.purged", "The last of a removed account is gone.", "account correlation"),
    _event(
        "account.erasing",
        "Somebody asked for an erasure; `deleted` tells an account from its traces.",
        "account deleted",
    ),
    _event(
        "account.erased",
        "A part of an erasure, with what went; `left` stays for now, and after `done` nothing follows.",
        "account done deliveries payloads sightings poison left",
    ),
    _problem("account.disconnect_postponed", "Ending a subscription waits for Graph.", "account correlation error"),
    _event("subscription.created", "Graph calls us about a mailbox from now on.", "account correlation expires"),
    _event("subscription.renewed", "It lives longer.", "account correlation expires"),
    _event("subscription.superseded", "A former key signed it; it is made anew with the first.", "account correlation"),
    _event("subscription.relocated", "It calls our new address.", "account correlation"),
    _problem(
        "subscription.stays",
        "It could not follow our address, and the next sweep asks again.",
        "account correlation error",
    ),
    _problem("subscription.removed", "It is gone, and is made anew.", "account correlation"),
    _problem("subscription.silent", "It did not tell of mail, and is made anew.", "account correlation finds"),
    _problem("subscription.abandoned", "We may not end it; it ends within 7 days.", "account correlation error"),
    _event("quota.spent", "Calls wait for their turn with Graph.", "quota tenant waiting"),
    _event(
        "request.answered",
        "A call of the API or of a sign-in page. `account` is the one that the path names, `token` the first 12 "
        "digits of the token's id; of a caller who was not let in, the token stands there where it is one of ours.",
        "function status code error milliseconds account token",
    ),
    _problem(
        "request.broken",
        "A request failed for a reason that nobody foresaw.",
        "function milliseconds error stack account token",
    ),
    _event("settings.changed", "Somebody changed instance settings.", "names"),
    _event("token.made", "An access token was made; `token` is its id.", "token account scopes"),
    _event("token.revoked", "An access token is void.", "token"),
    _event("app.registered", "An OAuth2 application is stored.", "app credential"),
    _event("app.changed", "An OAuth2 application was changed.", "app names"),
    _event("app.deleted", "An OAuth2 application was removed.", "app accounts"),
    _problem("oauth2_app.expiring", "Its credential expires in `days`.", "app expires days"),
    _problem("oauth2_app.unscheduled", "Its notices could not be scheduled; the night makes it good.", "app error"),
    _event("oauth2_app.expiries_checked", "The nightly look at all credentials.", "apps"),
    _event("sign_in.finished", "A user signed in.", "account app state"),
    _problem("sign_in.failed", "A sign-in failed; `kind` says how.", "app kind detail"),
    _event("grant.kept", "A user's sign-in is stored, or renewed.", "grant app renewed"),
    _event("grant.removed", "A sign-in and its refresh token are gone.", "grant app"),
    _problem("grant.refused", "Microsoft refuses a refresh token; its user must sign in again.", "grant app code"),
    _event(
        "retention.purged",
        "Months that are too old, and secrets that nobody needs, are gone.",
        "tables secrets before milliseconds",
    ),
    _event(
        "backlog.measured",
        "What waits, and for how long, every five minutes; the alerts stand on it. Ages are in seconds.",
        " ".join(Backlog.model_fields),
    ),
    _event("leftovers.purged", "What sign-ins left behind is gone.", "flows grants"),
    _event("poison.drained", "The look at the poison queues.", "kept"),
    _problem("poison.kept", "A message failed five times; `GET /v1/poison` shows it.", "id queue given_up"),
    _event("poison.requeued", "Somebody had it tried again.", "id queue"),
    _event("poison.dismissed", "Somebody wants it forgotten.", "id queue"),
    _problem("dependency.down", "`GET /health` found it silent.", "dependency error"),
    _problem(
        "telemetry.failed", "The collector did not take lines; `lost` are gone since the last such line.", "error lost"
    ),
    _event("sidecar.started", "A replica of the sidecar runs.", "replica port"),
    _event("sidecar.ended", "A replica ended in order.", "replica"),
    _event("replica.gone", "Another replica is silent; its mailboxes are shared out.", "replica"),
    _problem("replica.fenced", "This replica could not beat, and dropped its connections.", "replica silent"),
    _event("shard.lost", "A shard is another replica's now.", "shard owner"),
    _problem("supervisor.interrupted", "Storage did not answer; the next turn comes.", "replica error"),
    _problem(
        "supervisor.broken", "A turn failed for a reason that nobody foresaw; the next comes.", "replica error stack"
    ),
    _event("session.ended", "A mailbox was open for so long, and closed in order.", f"{_SESSION} milliseconds"),
    _event(
        "session.interrupted",
        "A mailbox's connection broke; it is opened again after `wait` seconds.",
        f"{_SESSION} error told wait",
    ),
    _event("session.lost", "A mailbox is another replica's now.", f"{_SESSION} why"),
    _problem("session.postponed", "What a mailbox needs does not answer; it is opened later.", f"{_SESSION} error"),
    _problem(
        "session.broken",
        "A session failed for a reason that nobody foresaw; it begins anew.",
        f"{_SESSION} error stack",
    ),
    _problem("session.no_extra", "A folder gets no connection of its own, and is polled.", f"{_SESSION} code error"),
    _event(
        "mailbox.told",
        "What happened in a mailbox is queued as changes.",
        "account correlation changes events",
    ),
    _event("mailbox.called", "A call of the sidecar's internal API.", "call status milliseconds"),
    _problem("mailbox.call_failed", "Such a call failed for a reason that nobody foresaw.", "call error stack"),
)
