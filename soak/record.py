"""How each event got there: from the product's own record of its deliveries, and its log."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.adapters.storage.tables.deliveries import DeliveryTable
from shared.adapters.system import SystemClock
from shared.domain.deliveries import Delivery, DeliveryQuery
from tests.faults.customer import Arrival
from tests.faults.stack import Stack

NOTIFICATION, RETRY, SWEEP, CATCH_UP = "notification", "retry", "sweep", "catch-up"
PATHS = (NOTIFICATION, RETRY, SWEEP, CATCH_UP)
_LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} \w+ relay365: (?P<json>\{.*\})$")
_PAGE = 250


@dataclass(frozen=True)
class Record:
    """What the product wrote down; `looks` tells by the correlation of what was found which kind of look it was."""

    deliveries: Mapping[str, Delivery]
    looks: Mapping[str, str]
    deferred: Counter[str]

    def path(self, arrival: Arrival) -> str:
        """Return how the event of an accepted POST got there."""
        delivery = self.deliveries.get(arrival.id)
        if delivery is None:
            return NOTIFICATION
        if delivery.correlation in self.looks:
            return self.looks[delivery.correlation]
        return RETRY if len(delivery.attempts) > 1 or self.deferred[delivery.key.id] else NOTIFICATION


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
    lines = list(_lines(stack.app.logs()))
    deferred = Counter(line["delivery"] for line in lines if line["event"] == "delivery.deferred")
    return Record(deliveries, looks_of(lines), deferred)


def looks_of(lines: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the looks of a log: one that leaves young mail to its notification is a sweep, any other fills a gap."""
    looks: dict[str, str] = {}
    for line in lines:
        if line["event"] == "account.swept":
            looks[line["correlation"]] = SWEEP if line["patience"] else CATCH_UP
        elif line["event"] == "account.registered":
            # What is found on a look's further pages bears the account's own.
            looks[line["correlation"]] = CATCH_UP
    return looks


def _lines(logs: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for log in logs:
        for text in log.read_text(errors="replace").splitlines():
            found = _LINE.match(text)
            if found:
                yield json.loads(found["json"])
