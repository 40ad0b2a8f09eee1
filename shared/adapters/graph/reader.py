"""
Reads messages, many at a time.

A call to `read` packs what it is asked for into batches, one application each, runs the first in its own thread and the
others in a few shared ones, and asks again for what was throttled, no sooner than Graph wants it. What is not there
when the time is up comes back as TryLater.

Of each mailbox one message is read at a time. So a batch holds either one message of many mailboxes each, or many
messages of one mailbox, which wait for each other; there Graph skips what comes after a failure, and it is asked for
again at once.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from shared.adapters.graph import batch
from shared.adapters.graph.client import GraphClient, Request
from shared.adapters.graph.errors import NOT_FOUND, Answer, code_of, content
from shared.adapters.graph.messages import message_of, message_path
from shared.adapters.graph.slots import Slots
from shared.domain.errors import TryLater
from shared.domain.mailboxes import mailbox_key
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Clock
from shared.ports.microsoft365 import NotThere, Reading, ReadRequest, Unread

_SHORTEST_TIMEOUT = 5.0
_LONGEST_TIMEOUT = 30.0
# What waits for each other adds up.
_TIMEOUT_IN_TURN = 1.0
# From so many messages of one mailbox on, a call of their own is worth it; fewer join those of other mailboxes.
_WORTH_A_CALL = 3
_NOT_IN_TIME = "The mailbox was too busy to be read in time."


@dataclass(slots=True)
class _Ask:
    """A message still to be read; `due` is when it may be asked for next."""

    index: int
    request: ReadRequest
    mailbox: str
    due: float = 0.0
    tries: int = 0


@dataclass(slots=True)
class _Pack:
    """What goes to Graph in one call: one message each of many mailboxes, or many of one, each after the other."""

    app: OAuth2App
    serial: bool
    asks: list[_Ask] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Work:
    """One call to `read`: what is waiting, how many packs are on their way, and what has come."""

    waiting: list[_Ask]
    deadline: float
    readings: dict[int, Reading] = field(default_factory=dict)
    running: int = 0


class GraphMessages:
    """Reads through *client*, as *slots* allows."""

    def __init__(
        self,
        client: GraphClient,
        clock: Clock,
        slots: Slots,
        *,
        budget: timedelta = timedelta(seconds=20),
        threads: int = 8,
    ) -> None:
        self._client = client
        self._clock = clock
        self._budget = budget.total_seconds()
        self._slots = slots
        self._helpers = ThreadPoolExecutor(threads, thread_name_prefix="graph-read")
        self._idle = threads

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        """Returns one reading for each request, in their order; what concerns one message never raises."""
        asks = [_Ask(index, request, mailbox_key(request.app, request.user)) for index, request in enumerate(requests)]
        work = _Work(asks, monotonic() + self._budget)
        while packs := self._next(work):
            for pack in packs[1:]:
                self._helpers.submit(self._help, work, pack)
            self._fetch(work, packs[0])
        return [work.readings[index] for index in range(len(requests))]

    def _next(self, work: _Work) -> list[_Pack]:
        """Returns packs to fetch, as soon as there are any; none when all is read."""
        with self._slots.changed:
            try:
                while work.waiting or work.running:
                    now = monotonic()
                    self._give_up(work, now)
                    packs = self._packs(work, now)
                    if packs:
                        work.running += len(packs)
                        self._idle -= len(packs) - 1
                        return packs
                    if work.waiting or work.running:
                        self._slots.changed.wait(self._until_something_is_due(work, now))
                return []
            finally:
                self._slots.leave(work)

    def _packs(self, work: _Work, now: float) -> list[_Pack]:
        due: dict[str, list[_Ask]] = {}
        for ask in work.waiting:
            if self._due(ask, now) <= now:
                due.setdefault(ask.mailbox, []).append(ask)
        company = Counter(asks[0].request.app.id for asks in due.values())
        packs: list[_Pack] = []
        refused: set[str] = set()
        for mailbox, asks in due.items():
            some = _at_once(asks, alone=company[asks[0].request.app.id] == 1)
            pack = self._pack_for(some, packs)
            if pack is None:
                continue
            if not self._slots.take(mailbox, work):
                refused.add(mailbox)
                continue
            pack.asks += some
            if pack not in packs:
                packs.append(pack)
        self._slots.leave(work, but=refused)
        packed = {ask.index for pack in packs for ask in pack.asks}
        work.waiting = [ask for ask in work.waiting if ask.index not in packed]
        return packs

    def _pack_for(self, asks: list[_Ask], packs: list[_Pack]) -> _Pack | None:
        """Returns where *asks* go, or None where nobody is free to fetch another pack."""
        app, serial = asks[0].request.app, len(asks) > 1
        if not serial:
            for pack in packs:
                if not pack.serial and _one(pack.app, app) and len(pack.asks) < batch.SIZE:
                    return pack
        return _Pack(app, serial) if len(packs) <= self._idle else None

    def _due(self, ask: _Ask, now: float) -> float:
        return max(ask.due, self._slots.quiet_until(ask.mailbox, now))

    def _until_something_is_due(self, work: _Work, now: float) -> float | None:
        if not work.waiting:
            return None
        later = [due for ask in work.waiting if (due := self._due(ask, now)) > now]
        return min([*later, work.deadline]) - now

    def _give_up(self, work: _Work, now: float) -> None:
        """Settles what cannot be asked for before the time is up."""
        for ask in work.waiting:
            due = self._due(ask, now)
            if now >= work.deadline or due > work.deadline:
                wait = timedelta(seconds=due - now) if due > now else None
                work.readings[ask.index] = Unread(TryLater(_NOT_IN_TIME, wait))
        work.waiting = [ask for ask in work.waiting if ask.index not in work.readings]

    def _help(self, work: _Work, pack: _Pack) -> None:
        self._fetch(work, pack)
        with self._slots.changed:
            self._idle += 1
            self._slots.changed.notify_all()

    def _fetch(self, work: _Work, pack: _Pack) -> None:
        shortest = _SHORTEST_TIMEOUT + _TIMEOUT_IN_TURN * len(pack.asks) * pack.serial
        timeout = min(max(work.deadline - monotonic(), shortest), _LONGEST_TIMEOUT)
        readings = self._readings(pack, timedelta(seconds=timeout))
        with self._slots.changed:
            now = monotonic()
            for ask, reading in zip(pack.asks, readings, strict=True):
                self._settle(work, ask, reading, now)
            work.running -= 1
            self._slots.give_back({ask.mailbox for ask in pack.asks})

    def _settle(self, work: _Work, ask: _Ask, reading: Reading | None, now: float) -> None:
        if reading is None:
            work.waiting.append(ask)
            return
        if isinstance(reading, Unread) and isinstance(reading.error, TryLater):
            asked = reading.error.retry_after
            ask.tries += 1
            # As long as Graph says, or exponentially longer where it does not.
            # https://learn.microsoft.com/graph/throttling
            ask.due = now + (asked.total_seconds() if asked is not None else 2.0 ** (ask.tries - 1))
            if asked is not None:
                self._slots.quieten(ask.mailbox, ask.due)
            if ask.due <= work.deadline:
                work.waiting.append(ask)
                return
        work.readings[ask.index] = reading

    def _readings(self, pack: _Pack, timeout: timedelta) -> list[Reading | None]:
        """Returns a reading for each message of the pack, or None where it was skipped."""
        paths = [
            message_path(ask.request.user, ask.request.message, complete=ask.request.complete) for ask in pack.asks
        ]
        try:
            if len(paths) == 1:
                answers = [self._client.send(pack.app, Request("GET", paths[0]), timeout=timeout)]
            else:
                answers = batch.get_all(
                    self._client, pack.app, paths, self._clock.now(), serial=pack.serial, timeout=timeout
                )
        except Exception as exc:  # noqa: BLE001  whatever it is, the port promises a reading for each message
            return [Unread(exc) for _ in paths]
        return [
            None if batch.was_skipped(answer, position) else self._reading(answer)
            for position, answer in enumerate(answers)
        ]

    def _reading(self, answer: Answer) -> Reading:
        if answer.status == NOT_FOUND and code_of(answer) == "ErrorItemNotFound":
            return NotThere()
        try:
            return message_of(content(answer, self._clock.now()))
        except Exception as exc:  # noqa: BLE001  one odd message must not cost its neighbours
            return Unread(exc)


def _at_once(asks: list[_Ask], *, alone: bool) -> list[_Ask]:
    """Returns those of one mailbox's *asks* that go together; *alone* says that they could join no others."""
    if not alone and len(asks) < _WORTH_A_CALL:
        return asks[:1]
    return [ask for ask in asks if _one(ask.request.app, asks[0].request.app)][: batch.SIZE]


def _one(app: OAuth2App, other: OAuth2App) -> bool:
    return app is other or (app.id, app.revision) == (other.id, other.revision)
