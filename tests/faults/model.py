"""
The relay as a model: the real services as workers, and around them all that they share, as one value.

Time is left out: whatever is queued may be taken at once or much later, so every delay and every race is covered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from typing import Any

from shared.domain.changes import ChangeBatch
from shared.domain.deliveries import DeliveryState, Outcome
from shared.ports.deliveries import BUSY
from tests.faults.ground import Kept, Message, Row, State, Worker, happen, keep
from tests.faults.replayed import UNAVAILABLE, Call, Ended, Raise, run
from tests.faults.search import Move
from tests.shared.services.world import Process, World

# The host gives a message up after as many takes.
_MOST_TAKES = 5
_READS = frozenset({"read row", "read payload", "list rows", "read webhook", "read sighting"})
# The mailbox does not change, and the bytes of a row never do.
_CONSTANT = frozenset({"read mail", "read payload"})
_MEMORY = frozenset({"remember", "remember finished", "take in hand", "finish", "lay down"})


@dataclass(frozen=True)
class Answer:
    """How an endpoint may answer a POST: whether it accepted the event, what we hear, and what that costs."""

    name: str
    accepted: bool
    outcome: Outcome
    fault: bool = True
    doubt: bool = False


TAKEN = Answer("200", accepted=True, outcome=Outcome(status=200, milliseconds=1), fault=False)
REFUSED = Answer("500", accepted=False, outcome=Outcome(status=500, milliseconds=1))
SILENT = Answer("silence", accepted=True, outcome=Outcome(error="timeout", milliseconds=1), doubt=True)
FAILING = Answer("500", accepted=False, outcome=Outcome(status=500, milliseconds=1), fault=False)
GONE = Answer("410", accepted=False, outcome=Outcome(status=410, milliseconds=1))
FULL = Answer("busy lane", accepted=False, outcome=BUSY)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """
    What a search begins with.

    `world` makes what does not change (accounts, mails, settings); `requests` are what operators ask for, at any
    moment; `expected` are the deliveries that must come of it (webhook and event); `again` is how many further
    receptions of each somebody asked for. The endpoint answers as `usual`, and for a fault each as one of `answers`.
    """

    world: Callable[[], World]
    batches: tuple[ChangeBatch, ...]
    expected: frozenset[tuple[str, str]]
    requests: tuple[Callable[[Process], None], ...] = ()
    again: int = 0
    usual: Answer = TAKEN
    answers: tuple[Answer, ...] = (REFUSED, SILENT)
    retries: int = 1
    workers: int = 2
    shared_memory: bool = False


@dataclass
class Model:
    """Says what may happen next in a situation."""

    situation: Situation
    ends: set[DeliveryState] = field(default_factory=set)
    _memories: list[tuple[tuple[str, Any], ...]] = field(default_factory=lambda: [()])
    _numbers: dict[tuple[int, str, Any], int] = field(default_factory=dict)
    _calls: dict[tuple[str, Kept, bool, int], Call | Ended] = field(default_factory=dict)

    def start(self, faults: int) -> State:
        """Return the state in which everything is still to be done."""
        bodies: list[tuple[str, Any]] = [("changes", batch) for batch in self.situation.batches]
        bodies += [("requests", request) for request in self.situation.requests]
        messages = (Message(queue, number, keep(body), 0, True) for number, (queue, body) in enumerate(bodies))
        world = self.situation.world()
        webhooks = (Row(key, keep(webhook), None, 0) for key, webhook in world.webhooks._records.sorted())
        seen = ((keep(key), keep(sighting)) for key, sighting in world.sightings._sightings.items())
        return State(frozenset(messages), frozenset(webhooks), faults, sightings=frozenset(seen))

    def moves(self, state: State) -> Iterator[Move[State]]:
        """Yield everything that may happen in *state*."""
        calls = {worker: self._call(worker) for worker in state.workers}
        for worker, call in calls.items():
            if isinstance(call, Call) and call.name in _CONSTANT:
                # Whatever others do before this read, they may as well do after it: one order stands for all.
                yield from self._called(state, worker, call)
                return
        if len(calls) < self.situation.workers:
            for message in state.messages:
                if message.visible:
                    yield Move(f"{_name(message)} is taken", self._taken(state, message))
        for worker, call in calls.items():
            if state.faults:
                yield Move(f"{_name(worker)}: dies", self._crash(state, worker), fault=True)
                if _held(state, worker):
                    yield Move(f"{_name(worker)}: its lease ends early", _show(_pay(state), worker), fault=True)
            if isinstance(call, Ended):
                yield self._end(state, worker, call)
            else:
                yield from self._called(state, worker, call)

    def judge(self, state: State, at_rest: bool) -> str | None:  # noqa: FBT001  the search's own signature
        """Say what is wrong with *state*."""
        allowed = 1 + state.doubts + self.situation.again
        for webhook, event, _, count in state.received:
            if count > allowed:
                return f"{event} came to {webhook} {count} times."
        if len({event for _, event, _, _ in state.received}) < len(
            {(event, body) for _, event, body, _ in state.received}
        ):
            return "Two bodies came under one id."
        if any(message.takes > _MOST_TAKES for message in state.messages):
            return "A message becomes poison."
        return self._unfinished(state) if at_rest else None

    def _unfinished(self, state: State) -> str | None:
        if state.messages:
            return "A message is left that nobody can take."
        received = {(webhook, event) for webhook, event, _, _ in state.received}
        ended = {(row.key.webhook, row.key.event_id): row.value.value for row in state.rows}
        for webhook, event in self.situation.expected:
            row = ended.get((webhook, event))
            if row is None:
                return f"{event} is lost for {webhook}: no row."
            if row.state is DeliveryState.RETRYING:
                return f"{event} is lost for {webhook}: its row waits for a retry that no message brings."
            if row.state is DeliveryState.DELIVERED and (webhook, event) not in received:
                return f"{event} was never received by {webhook}, and its row says so."
            if row.state is not DeliveryState.DELIVERED and not row.reason:
                return f"{event} ended for {webhook} without a reason."
        self.ends |= {row.state for row in ended.values()}
        return None

    def _call(self, worker: Worker) -> Call | Ended:
        known = (worker.queue, worker.body, worker.takes > 1, worker.memory)
        if known not in self._calls:
            self._calls[known] = run(
                self.situation.world(),
                self._memories[worker.memory],
                _work(worker),
                schedule=(timedelta(seconds=5),) * self.situation.retries,
                shared_memory=self.situation.shared_memory,
            )
        return self._calls[known]

    def _answered(self, state: State, worker: Worker, answer: Any) -> State:
        """Return the state in which *worker* has heard *answer*."""
        call = self._call(worker)
        assert isinstance(call, Call)
        step = (worker.memory, call.name, answer)
        if step not in self._numbers:
            self._numbers[step] = len(self._memories)
            self._memories.append((*self._memories[worker.memory], (call.name, answer)))
        wiser = worker._replace(memory=self._numbers[step])
        return state._replace(workers=state.workers - {worker} | {wiser})

    def _taken(self, state: State, message: Message) -> State:
        taken = message._replace(takes=message.takes + 1, visible=False)
        worker = Worker(taken.queue, taken.number, taken.body, taken.takes, 0)
        return state._replace(messages=state.messages - {message} | {taken}, workers=state.workers | {worker})

    def _end(self, state: State, worker: Worker, end: Ended) -> Move[State]:
        gone = state._replace(workers=state.workers - {worker})
        if end.failure is not None and worker.queue != "requests":
            return Move(f"{_name(worker)}: fails ({end.failure})", _show(gone, worker))
        held = _held(state, worker)
        # A receipt that is not the latest removes nothing.
        return Move(f"{_name(worker)}: done", gone._replace(messages=gone.messages - ({held} if held else set())))

    def _crash(self, state: State, worker: Worker) -> State:
        """Return the state after the death of a process: of one worker, or of all that share one."""
        dead = state.workers if self.situation.shared_memory else {worker}
        # What a death interrupts may each come once more.
        state = _pay(state, doubts=len(dead))._replace(workers=state.workers - dead, hands=frozenset())
        for one in dead:
            state = _show(state, one)
        return state

    def _called(self, state: State, worker: Worker, call: Call) -> Iterator[Move[State]]:
        if call.name == "post":
            yield from self._post(state, worker, call.arguments[0])
        elif call.name == "read mail":
            yield from self._read_mail(state, worker, call.arguments[0])
        elif call.name == "return early":
            yield self._return_early(state, worker)
        else:
            yield from self._stored(state, worker, call)

    def _stored(self, state: State, worker: Worker, call: Call) -> Iterator[Move[State]]:
        label = f"{_name(worker)}: {call.name}"
        after, answer = happen(state, call)
        yield Move(label, self._answered(after, worker, answer))
        if state.faults and call.name not in _MEMORY:
            unavailable = Raise(UNAVAILABLE)
            yield Move(f"{label} (refused)", self._answered(_pay(state), worker, unavailable), fault=True)
            if call.name not in _READS and answer is None:
                ambiguous = self._answered(_pay(after), worker, unavailable)
                yield Move(f"{label} (happens, and an error comes back)", ambiguous, fault=True)

    def _return_early(self, state: State, worker: Worker) -> Move[State]:
        """Return the move of a worker that is wrong on purpose: its message goes before its work is done."""
        held = _held(state, worker)
        freed = state._replace(messages=state.messages - ({held} if held else set()))
        return Move(f"{_name(worker)}: returns early", self._answered(freed, worker, None))

    def _post(self, state: State, worker: Worker, posts: tuple[tuple[str, str, bytes], ...]) -> Iterator[Move[State]]:
        for answers in product((self.situation.usual, *self.situation.answers), repeat=len(posts)):
            faults = sum(answer.fault for answer in answers)
            if faults <= state.faults:
                doubts = sum(answer.doubt for answer in answers)
                accepted = [post for post, answer in zip(posts, answers, strict=True) if answer.accepted]
                after = self._receive(state, accepted)
                after = after._replace(faults=state.faults - faults, doubts=state.doubts + doubts)
                outcomes = tuple(answer.outcome for answer in answers)
                label = f"{_name(worker)}: post, answered {', '.join(answer.name for answer in answers)}"
                yield Move(label, self._answered(after, worker, outcomes), fault=faults > 0)
        if state.faults:
            for some in product((False, True), repeat=len(posts)):
                reached = [post for post, reaches in zip(posts, some, strict=True) if reaches]
                died = self._crash(self._receive(state, reached), worker)
                yield Move(f"{_name(worker)}: dies after {len(reached)} of {len(posts)} posts", died, fault=True)

    def _read_mail(self, state: State, worker: Worker, mails: int) -> Iterator[Move[State]]:
        for readable in product((True, False), repeat=mails):
            unread = readable.count(False)
            if unread <= state.faults:
                after = state._replace(faults=state.faults - unread)
                label = f"{_name(worker)}: reads {mails - unread} of {mails} mails"
                yield Move(label, self._answered(after, worker, readable), fault=unread > 0)

    def _receive(self, state: State, posts: list[tuple[str, str, bytes]]) -> State:
        counts = {(webhook, event, body): count for webhook, event, body, count in state.received}
        for webhook, event, body in posts:
            key = (webhook, event, keep(body))
            counts[key] = counts.get(key, 0) + 1
        return state._replace(received=frozenset((*key, count) for key, count in counts.items()))


def _work(worker: Worker) -> Callable[[Process], None]:
    body, redelivered = worker.body.value, worker.takes > 1
    match worker.queue:
        case "changes":
            return lambda process: process.changes.expand(body, redelivered=redelivered)
        case "retries":
            return lambda process: process.deliveries.attempt(body, redelivered=redelivered)
        case "jobs":
            return lambda process: process.jobs.run(body)
        case _:
            return body


def _held(state: State, worker: Worker) -> Message | None:
    """Return the message that *worker* works on, while nobody else has taken it."""
    return next(
        (
            message
            for message in state.messages
            if (message.queue, message.number, message.takes) == (worker.queue, worker.number, worker.takes)
        ),
        None,
    )


def _show(state: State, worker: Worker) -> State:
    held = _held(state, worker)
    return state._replace(messages=state.messages - {held} | {held._replace(visible=True)}) if held else state


def _pay(state: State, *, doubts: int = 1) -> State:
    return state._replace(faults=state.faults - 1, doubts=state.doubts + doubts)


def _name(of: Message | Worker) -> str:
    return f"{of.queue} {of.number}" + (f" (take {of.takes})" if of.takes > 1 else "")
