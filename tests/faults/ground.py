"""What the workers of a search share, as one value: queues, rows, memory, and what the endpoints received."""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from shared.domain.changes import ChangeBatch
from shared.domain.deliveries import Delivery, DeliveryKey, DeliveryQuery, overrules
from shared.domain.sightings import Sighting, SightingKey
from shared.domain.webhooks import Webhook
from shared.ports.records import Stored
from tests.faults.replayed import CHANGED, Call, Raise

Answered = tuple["State", Any]


class Kept:
    """A value that is kept once, so that comparing states compares identities."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Message(NamedTuple):
    """A message in a queue; `takes` is its receipt, too."""

    queue: str
    number: int
    body: Kept
    takes: int
    visible: bool


class Worker(NamedTuple):
    """Who works on a message, or believes it; `memory` is what he was answered so far."""

    queue: str
    number: int
    body: Kept
    takes: int
    memory: int


class Row(NamedTuple):
    """A record, and how often it was written."""

    key: Any
    value: Kept
    payload: Kept | None
    version: int


class State(NamedTuple):
    """
    The world at one moment.

    `received` counts what each endpoint accepted of each event; `hands` is what the workers' process remembers, where
    they share one. `faults` is how many are left, `doubts` how many of those spent may have caused a duplicate.
    """

    messages: frozenset[Message]
    webhooks: frozenset[Row]
    faults: int
    workers: frozenset[Worker] = frozenset()
    rows: frozenset[Row] = frozenset()
    sightings: frozenset[tuple[Kept, Kept]] = frozenset()
    received: frozenset[tuple[str, str, Kept, int]] = frozenset()
    hands: frozenset[tuple[str, str]] = frozenset()
    doubts: int = 0


_kept: dict[Any, Kept] = {}


def keep(value: Any) -> Kept:
    """Return the one place where *value* is kept."""
    # What an account event tells is a dictionary, which has no hash.
    name = value if isinstance(value, Hashable) and not isinstance(value, ChangeBatch) else repr(value)
    return _kept.setdefault(name, Kept(value))


def happen(state: State, call: Call) -> Answered:
    """Return the state after *call*, and its answer."""
    return _CALLS[call.name](state, *call.arguments)


def _read_row(state: State, key: DeliveryKey) -> Answered:
    return state, _stored(_row(state.rows, key))


def _read_payload(state: State, key: DeliveryKey) -> Answered:
    row = _row(state.rows, key)
    return state, row.payload.value if row and row.payload else None


def _list_rows(state: State, query: DeliveryQuery) -> Answered:
    rows = [row.value.value for row in state.rows]
    wanted = [row for row in rows if (row.key.webhook, row.state) == (query.webhook, query.state)]
    return state, tuple(sorted(wanted, key=lambda row: row.key.id))


def _add_row(state: State, delivery: Delivery, payload: bytes) -> Answered:
    row = _row(state.rows, delivery.key)
    if row and not overrules(delivery.state, row.value.value.state):
        return state, None
    added = Row(delivery.key, keep(delivery), keep(payload), row.version + 1 if row else 0)
    return state._replace(rows=state.rows - {row} | {added}), None


def _replace_row(state: State, delivery: Delivery, etag: str) -> Answered:
    rows = _replaced(state.rows, delivery.key, delivery, etag)
    return (state, Raise(CHANGED)) if rows is None else (state._replace(rows=rows), None)


def _read_webhook(state: State, webhook: str) -> Answered:
    return state, _stored(_row(state.webhooks, webhook))


def _put_webhook(state: State, webhook: Webhook) -> Answered:
    row = _row(state.webhooks, webhook.id)
    put = Row(webhook.id, keep(webhook), None, row.version + 1 if row else 0)
    return state._replace(webhooks=state.webhooks - {row} | {put}), None


def _replace_webhook(state: State, webhook: Webhook, etag: str) -> Answered:
    rows = _replaced(state.webhooks, webhook.id, webhook, etag)
    return (state, Raise(CHANGED)) if rows is None else (state._replace(webhooks=rows), None)


def _read_sighting(state: State, key: SightingKey) -> Answered:
    return state, next((seen.value for known, seen in state.sightings if known.value == key), None)


def _put_sighting(state: State, key: SightingKey, sighting: Sighting) -> Answered:
    others = {pair for pair in state.sightings if pair[0].value != key}
    return state._replace(sightings=frozenset(others | {(keep(key), keep(sighting))})), None


def _queue(queue: str) -> Callable[[State, Any], Answered]:
    def put(state: State, body: Any) -> Answered:
        # A number that a worker still goes by is not free: his receipt must not fit another message.
        used = {message.number for message in state.messages} | {worker.number for worker in state.workers}
        number = next(number for number in range(len(used) + 1) if number not in used)
        return state._replace(messages=state.messages | {Message(queue, number, keep(body), 0, True)}), None

    return put


def _remember(state: State, event: str) -> Answered:
    return state, bool({("held", event), ("finished", event)} & state.hands)


def _remember_finished(state: State, event: str) -> Answered:
    return state, ("finished", event) in state.hands


def _take_in_hand(state: State, event: str) -> Answered:
    return state._replace(hands=state.hands | {("held", event)}), ("held", event) not in state.hands


def _finish(state: State, event: str) -> Answered:
    return state._replace(hands=state.hands - {("held", event)} | {("finished", event)}), None


def _lay_down(state: State, event: str) -> Answered:
    return state._replace(hands=state.hands - {("held", event)}), None


def _row(rows: frozenset[Row], key: Any) -> Row | None:
    return next((row for row in rows if row.key == key), None)


def _stored(row: Row | None) -> Stored[Any] | None:
    return Stored(row.value.value, str(row.version)) if row else None


def _replaced(rows: frozenset[Row], key: Any, value: Any, etag: str) -> frozenset[Row] | None:
    row = _row(rows, key)
    if row is None or str(row.version) != etag:
        return None
    return rows - {row} | {row._replace(value=keep(value), version=row.version + 1)}


_CALLS: dict[str, Callable[..., Answered]] = {
    "read row": _read_row,
    "read payload": _read_payload,
    "list rows": _list_rows,
    "add row": _add_row,
    "replace row": _replace_row,
    "read webhook": _read_webhook,
    "put webhook": _put_webhook,
    "replace webhook": _replace_webhook,
    "read sighting": _read_sighting,
    "put sighting": _put_sighting,
    "queue changes": _queue("changes"),
    "queue retries": _queue("retries"),
    "queue jobs": _queue("jobs"),
    "remember": _remember,
    "remember finished": _remember_finished,
    "take in hand": _take_in_hand,
    "finish": _finish,
    "lay down": _lay_down,
}
