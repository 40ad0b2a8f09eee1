"""The storm: faults of Microsoft 365, of the customer's endpoint and of our own process, mixed anew all the time."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.m365.faults import FAULTS
from soak.ledger import Ledger
from tests.faults.customer import Answer
from tests.faults.stack import Stack

SPELL = 7.0
# What a spell may bring, and how bad.
DOSES: Mapping[str, Any] = {
    "lost": 0.15,
    "duplicated": 0.4,
    "delayed": {"share": 0.3, "seconds": 4},
    "reordered": 0.3,
    "refused": 0.3,
    "wrong_client_state": 0.05,
    "unknown_change_type": 0.05,
    "updated_after_created": 0.2,
    "inner_429": {"share": 0.3, "retry_after": 2},
    "inner_503": 0.3,
    "inner_missing": 0.2,
    "outer_429": {"share": 0.2, "retry_after": 2},
    "outer_503": 0.3,
    "connection_reset": 0.2,
    "empty_body": 0.2,
    "slow_answer": {"share": 0.1, "seconds": 3},
    "read_lag": {"share": 0.4, "reads": 2},
    "delta_empty_page": 0.3,
    "delta_replay": 0.3,
    "delta_gone": 0.1,
    "token_error": {"count": 3},
    "subscription_refused": {"share": 0.5},
}
AT_ONCE = 6
# What the endpoint says to some of the POSTs of a spell, or to nobody at all.
ANSWERS = {
    "receiver: 500": Answer(500),
    "receiver: 429": Answer(429, {"Retry-After": "2"}),
    "receiver: slow": Answer(delay=1),
    "receiver: drips": Answer(500, drips=True),
}
REFUSALS = 0.25
DOWN = "receiver: down"
KILLED = "function app killed"
REMOVED = "subscription removed"
SILENT = "subscription removed silently"


@dataclass
class Storm:
    """Blows in spells, each with its own mixture, drawn from `chance`."""

    stack: Stack
    ledger: Ledger
    chance: random.Random
    _said: str = ""
    _endpoint: random.Random = field(default_factory=random.Random)
    _spells: int = 0

    def blow(self, seconds: float) -> None:
        """Have things go wrong for a while."""
        self._endpoint.seed(self.chance.random())
        self.stack.customer.answer = self._answer
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._spell()
        self._calm()
        self.stack.customer.answer = lambda _data, _number: Answer()
        for hit in self.stack.m365.hits():
            self.ledger.hit(hit["fault"], hit["message"], hit["at"])
        for fault, times in self.stack.m365.stats()["faults"].items():
            self.ledger.injected[fault] += times

    def _spell(self) -> None:
        chosen = self.chance.sample(sorted(DOSES), AT_ONCE)
        self.stack.m365.faults(**{name: DOSES[name] for name in chosen})
        self._said = self.chance.choice([*ANSWERS, "", ""])
        down = self.chance.random() < 0.15
        self._spells += 1
        if down:
            self.ledger.begin(DOWN, self.stack.customer.accepted())
            self.stack.customer.close()
        if self._spells % 2 == 0:
            self._remove_a_subscription(silently=self.chance.random() < 0.3)
        time.sleep(SPELL * self.chance.uniform(0.2, 0.8))
        if self.chance.random() < 0.7:
            self._kill()
        time.sleep(SPELL * self.chance.uniform(0.2, 0.5))
        if down:
            self.stack.customer.open()
            self.ledger.end(DOWN)
        self._calm()
        self.ledger.close_gaps(self._watched())

    def _calm(self) -> None:
        self.stack.m365.faults(**dict.fromkeys(FAULTS, 0))
        self._said = ""

    def _kill(self) -> None:
        self.ledger.begin(KILLED, self.stack.customer.accepted())
        self.stack.app.kill()
        self.stack.app.start()
        self.ledger.end(KILLED)

    def _remove_a_subscription(self, *, silently: bool) -> None:
        living = sorted(self.stack.m365.subscriptions(), key=lambda found: str(found["resource"]))
        if not living:
            return
        removed = self.chance.choice(living)
        self.ledger.open_gap(SILENT if silently else REMOVED, self._address(removed))
        self.stack.m365.remove_subscription(removed["id"], silently=silently)

    def _watched(self) -> set[str]:
        return {self._address(found) for found in self.stack.m365.subscriptions()}

    def _address(self, subscription: Mapping[str, Any]) -> str:
        return next(each for each in self.stack.mailboxes if each in str(subscription["resource"]))

    def _answer(self, data: Mapping[str, Any], _number: int) -> Answer:
        said = self._said
        if not said or self._endpoint.random() >= REFUSALS:
            return Answer()
        self.ledger.injected[said] += 1
        self.ledger.hit(said, str(data.get("id", "")), time.time())
        return ANSWERS[said]
