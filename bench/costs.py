"""
What the cost model (infra/costs) needs to know of the product: requests of events, bytes of rows and of log lines.

On the local stack, with Azurite's access log on. See README.md beside this file for what each figure means.
"""

import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from _figures import Figure
from _stack import Bench, bench, is_queue

from local.stack import signals
from local.stack.errors import StackRefused
from local.stack.parts import APP_LOG

ALONE = 30
TOGETHER = 210
# After this long an account's row is read again, as it is for most events where there are many mailboxes.
_FORGOTTEN = 65
_LINE = re.compile(r"\{\"event\":\"(?P<event>[\w.]+)\".*\}")
_LINES = ("notifications.accepted", "changes.expanded", "delivery.attempted", "sweeps.ended", "account.swept")
_PAYLOAD = re.compile(r"p\d+")


def requests(on: Bench) -> Iterator[Figure]:
    """Has a message come to each of some mailboxes, one by one; then to each of the others, all together."""
    on.connect()
    others = replace(on, mailboxes=on.mailboxes[ALONE:])
    alone = _counted(on, lambda: on.deliver(ALONE, 1))
    together = _counted(on, lambda: others.deliver(TOGETHER))
    for name, number, counted in (("alone", ALONE, alone), ("together", TOGETHER, together)):
        yield Figure(f"{name}: {number} events, table requests an event", counted["table"] / number, "")
        yield Figure(f"{name}: messages of `changes` an event", counted["changes"] / number, "")
    # Each message costs the same, and each event in it; two measurements tell the two.
    share = (alone["table"] / ALONE - together["table"] / TOGETHER) / (
        alone["changes"] / ALONE - together["changes"] / TOGETHER
    )
    yield Figure("table requests a message", share, "")
    yield Figure("table requests an event in it", alone["table"] / ALONE - share * alone["changes"] / ALONE, "")


def rows(on: Bench) -> Iterator[Figure]:
    """Reads the rows of the messages, and counts their bytes as storage bills them."""
    month = datetime.now(UTC).strftime("%Y%m")
    for name in ("accounts", f"deliveries{month}", f"sightings{month}"):
        found = list(on.storage.tables().get_table_client(name).list_entities())
        if name.startswith("deliveries"):
            found = [row for row in found if '"messageNew"' in row["record0"]]
        payload = sum(len(row[column]) for row in found for column in row if _PAYLOAD.fullmatch(column))
        billed = sum(map(_billed, found)) - payload
        yield Figure(f"rows of {name}: bytes a row, without payload", billed / len(found), "B")
        if payload:
            yield Figure(f"rows of {name}: bytes of payload a row", payload / len(found), "B")


def lines(log: Path) -> Iterator[Figure]:
    """Reads the function app's log."""
    sizes: defaultdict[str, list[int]] = defaultdict(list)
    for line in log.read_text(encoding="utf-8").splitlines():
        if found := _LINE.search(line):
            sizes[found["event"]].append(len(found[0].encode()))
    for name in _LINES:
        yield Figure(f"log: bytes of a line `{name}`", sum(sizes[name]) / max(1, len(sizes[name])), "B")


def _counted(on: Bench, work: Callable[[], object]) -> Counter[str]:
    time.sleep(_FORGOTTEN)
    on.mark()
    work()
    # The last rows follow the webhooks by a moment.
    time.sleep(1)
    paths = on.requests()
    puts = sum(1 for path in paths if path == b"POST changes/messages")
    return Counter(table=sum(1 for path in paths if not is_queue(path)), changes=puts)


def _billed(row: Mapping[str, Any]) -> int:
    """Returns the bytes of a row: its keys, and each property with its name, of text two a character."""
    # https://learn.microsoft.com/azure/storage/tables/table-storage-design#designing-tables
    size = 4 + 2 * (len(row["PartitionKey"]) + len(row["RowKey"]))
    for name, value in row.items():
        if name not in {"PartitionKey", "RowKey"}:
            size += 8 + 2 * len(name) + _value(value)
    return size


def _value(value: object) -> int:
    match value:
        case str():
            return 4 + 2 * len(value)
        case bytes():
            return 4 + len(value)
        case bool():
            return 1
        case _:
            return 8


def main() -> int:
    """Prints the table."""
    signals.listen()
    try:
        print(f"{'':<58}{'measured':>9}", flush=True)
        with bench(ALONE + TOGETHER, azurite_options=()) as on:
            for figure in (*requests(on), *rows(on), *lines(on.stack.home / APP_LOG)):
                print(figure, flush=True)
    except StackRefused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except signals.Stopped:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
