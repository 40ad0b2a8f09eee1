"""Alerts: what Azure takes for a rule, and queries that are closed and give the column that is measured."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.checks.bicep_files import loaded

# https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule
_MINUTES = {
    **{f"PT{minutes}M": minutes for minutes in (5, 10, 15, 30, 45)},
    **{f"PT{hours}H": 60 * hours for hours in (1, 2, 3, 4, 5, 6)},
    **{f"P{days}D": 1440 * days for days in (1, 2)},
}
_MEASURES = {"Average", "Count", "Maximum", "Minimum", "Total"}
_OPERATORS = {"Equals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"}
_TABLES = ("AppTraces", "AppRequests")
_PAIRS = {")": "(", "]": "[", "}": "{"}
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_LONGEST_FREQUENCY = 1440
_LEAST_SEVERE = 4


def problems(infra: Path) -> list[str]:
    """Returns what is wrong with the rows of alerts.json."""
    rows = loaded(infra / "alerts.json")
    found = [f"alerts.json: {row.get('name')}: {problem}" for row in rows for problem in _row(row)]
    names = [row.get("name") for row in rows]
    return found + [f"alerts.json: {name} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]


def _row(row: dict[str, Any]) -> Iterator[str]:
    every, window = _MINUTES.get(row["every"]), _MINUTES.get(row["window"])
    if every is None or every > _LONGEST_FREQUENCY:
        yield f"Azure looks every 5, 10, 15, 30 minutes, or some hours, not {row['every']}"
    elif window is None or window < every:
        yield f"it looks back {row['window']}, which must be no less than {row['every']}"
    if row["severity"] not in range(_LEAST_SEVERE + 1):
        yield f"a severity is 0 to {_LEAST_SEVERE}, not {row['severity']}"
    if row["runbook"] != f"docs/runbooks.md#{row['name']}":
        yield f"its runbook is not {row['runbook']}"
    yield from _measure(row)
    yield from _query(row["query"])


def _measure(row: dict[str, Any]) -> Iterator[str]:
    if row["measure"] not in _MEASURES or row["operator"] not in _OPERATORS:
        yield f"Azure has no {row['measure']} that is {row['operator']}"
    elif row["measure"] == "Count" and row["column"] is not None:
        yield "rows are counted, without a column"
    elif row["measure"] != "Count" and f"{row['column']} = " not in row["query"].rpartition("| project ")[2]:
        yield f"the column {row['column']} is not what the query gives"


def _query(query: str) -> Iterator[str]:
    if not query.startswith(tuple(f"{table} | " for table in _TABLES)):
        yield f"the query begins with none of {', '.join(_TABLES)}"
    bare = _STRING.sub("", query)
    if set(bare) & {"'", '"'}:
        yield "a string in the query does not end"
    open_: list[str] = []
    for character in bare:
        if character in _PAIRS.values():
            open_.append(character)
        elif character in _PAIRS and (not open_ or open_.pop() != _PAIRS[character]):
            yield f"a {character!r} in the query closes nothing"
            return
    if open_:
        yield f"a {open_[-1]!r} in the query is not closed"
