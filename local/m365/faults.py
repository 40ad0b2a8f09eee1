"""What goes wrong on request: each fault happens with a probability or a number of times, and is told afterwards."""

import random
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

#: Every fault by name. `seconds`, `retry_after`, `status`, `code` and `reads` are options that some of them read.
FAULTS = {
    "lost": "a notification is never sent",
    "duplicated": "a notification is sent twice",
    "delayed": "a notification comes `seconds` (5) later",
    "reordered": "a notification is overtaken by those after it",
    "refused": "the first POST of a batch finds nobody listening, so that it is retried",
    "wrong_client_state": "a notification carries a clientState that nobody chose",
    "unknown_change_type": "a notification carries a changeType that the documentation does not list",
    "updated_after_created": "a new inbound message is `created` and at once `updated`",
    "null_validation_tokens": "a POST carries `validationTokens: null`",
    "inner_429": "an inner request of a batch is throttled for `retry_after` (1) seconds",
    "inner_503": "an inner request of a batch finds the service unavailable",
    "inner_missing": "an inner request of a batch gets no response at all",
    "outer_429": "a Graph call is throttled for `retry_after` (1) seconds",
    "outer_503": "a Graph call finds the service unavailable",
    "connection_reset": "a Graph call loses its connection before an answer",
    "empty_body": "a Graph read answers 200 with an empty body",
    "slow_answer": "a Graph call takes `seconds` (5) longer",
    "read_lag": "a new message answers 404 to its first `reads` (2) reads",
    "delta_empty_page": "a delta round inserts a page without items",
    "delta_replay": "a delta page repeats the last item before it",
    "delta_gone": "a delta link answers 410 with a Location to start again",
    "delta_state_not_found": "a delta link answers 400 syncStateNotFound",
    "token_error": "the token endpoint answers the AADSTS `code`, 429 or 503",
    "no_roles": "a token is issued without roles, as before an administrator's consent",
    "subscription_refused": "creating a subscription answers `status` (503) and `code`",
    "validation_skipped": "a subscription is created without asking its endpoints",
}


@dataclass(slots=True)
class Fault:
    """One fault's dose; a count is used up before the share is asked."""

    share: float = 0.0
    count: int = 0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """A fault that happened to a message, and when, in seconds since the epoch."""

    fault: str
    message: str
    at: float


class Faults:
    """The faults in force, how often each has happened, and to which messages lately."""

    def __init__(self) -> None:
        self._active: dict[str, Fault] = {}
        self._random = random.Random(365)
        self.happened: Counter[str] = Counter()
        self.hits: deque[Hit] = deque(maxlen=100_000)

    def seed(self, value: str) -> None:
        """Begins chance anew, so that a run can be repeated."""
        self._random.seed(value)

    def change(self, values: dict[str, Any]) -> None:
        """Sets doses: a number is a share from 0 to 1, an object may hold share, count and options."""
        for name, dose in values.items():
            if name not in FAULTS:
                raise ValueError(f"There is no fault {name!r}; there are {', '.join(FAULTS)}.")
            options = dict(dose) if isinstance(dose, dict) else {"share": dose}
            fault = Fault(float(options.pop("share", 0)), int(options.pop("count", 0)), options)
            if fault.share or fault.count:
                self._active[name] = fault
            else:
                self._active.pop(name, None)

    def strikes(self, name: str, messages: Iterable[str] = ()) -> bool:
        """Says whether the fault happens now to these messages, and keeps that it did."""
        fault = self._active.get(name)
        if fault is None:
            return False
        if fault.count:
            fault.count -= 1
        elif not (fault.share and self._random.random() < fault.share):
            return False
        self.happened[name] += 1
        self.hits.extend(Hit(name, message, time.time()) for message in messages)
        return True

    def option(self, name: str, key: str, default: Any) -> Any:
        """Reads an option of a fault that is in force."""
        fault = self._active.get(name)
        return default if fault is None else fault.options.get(key, default)

    def reset(self) -> None:
        """Ends every fault and starts counting, and chance, again."""
        self._active.clear()
        self.happened.clear()
        self.hits.clear()
        self._random.seed(365)
