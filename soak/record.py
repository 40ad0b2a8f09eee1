"""How each event got there: from the product's own record of its deliveries, and its log."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.adapters.storage.tables.deliveries import DeliveryTable
from shared.adapters.system import SystemClock
from shared.domain.deliveries import Delivery, DeliveryQuery
from tests.faults.customer import Arrival
from tests.faults.stack import Stack

NOTIFICATION, RETRY, SWEEP, CATCH_UP = "notification", "retry", "sweep", "catch-up"
PATHS = (NOTIFICATION, RETRY, SWEEP, CATCH_UP)
_LINE = re.compile(r"^(?P<time>\d\d:\d\d:\d\d\.\d{3}) \w+ relay365: (?P<json>\{.*\})$")
_PAGE = 250


@dataclass(frozen=True)
class Look:
    """A look at a mailbox: one that leaves young mail to its notification is a sweep, any other makes good a gap."""

    account: str
    second: float
    kind: str


@dataclass(frozen=True)
class Record:
    """What the product wrote down."""

    deliveries: Mapping[str, Delivery]
    looks: Sequence[Look]
    deferred: Counter[str]

    def path(self, arrival: Arrival) -> str:
        """Return how the event of an accepted POST got there."""
        delivery = self.deliveries.get(arrival.id)
        if delivery is None:
            return NOTIFICATION
        if not delivery.correlation:
            # What a look found bears no notification's mark.
            return self._look(delivery)
        return RETRY if len(delivery.attempts) > 1 or self.deferred[delivery.key.id] else NOTIFICATION

    def _look(self, delivery: Delivery) -> str:
        second = _second(delivery.created.astimezone())
        later = [look for look in self.looks if look.account == delivery.account and look.second >= second - 0.01]
        return later[0].kind if later else CATCH_UP


def read(stack: Stack) -> Record:
    """Read the record of all deliveries and the logs of all processes."""
    deliveries: dict[str, Delivery] = {}
    table, position = DeliveryTable(stack.storage, SystemClock()), None
    while True:
        page = table.page(DeliveryQuery(), position, _PAGE)
        deliveries |= {each.key.event_id: each for each in page.items}
        position = page.position
        if position is None:
            break
    looks: list[Look] = []
    deferred: Counter[str] = Counter()
    for second, line in _lines(stack.app.logs()):
        if line["event"] == "account.swept":
            looks.append(Look(line["account"], second, SWEEP if line["patience"] else CATCH_UP))
        elif line["event"] == "delivery.deferred":
            deferred[line["delivery"]] += 1
    return Record(deliveries, looks, deferred)


def _lines(logs: Sequence[Path]) -> Iterator[tuple[float, dict[str, Any]]]:
    for log in logs:
        for text in log.read_text(errors="replace").splitlines():
            found = _LINE.match(text)
            if found:
                yield _second(datetime.strptime(found["time"], "%H:%M:%S.%f")), json.loads(found["json"])  # noqa: DTZ007  a time of day


def _second(moment: datetime) -> float:
    """Return the second of the day, which is all that a line of the log tells; a soak ends before the day does."""
    return moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6
