"""Alerts ask for what the product logs."""

import json
import re
from pathlib import Path

import pytest


@pytest.fixture
def queries(root: Path) -> dict[str, str]:
    """Return each alert's query by its name."""
    return {alert["name"]: alert["query"] for alert in json.loads((root / "infra" / "alerts.json").read_text())}


def test_every_event_is_logged(root: Path, queries: dict[str, str]) -> None:
    """An alert names only events that some use case writes to the log."""
    code = "".join(path.read_text() for path in (root / "shared" / "services").rglob("*.py"))
    logged = set(re.findall(r"log\.(?:event|problem)\(\s*\"([\w.]+)\"", code))
    asked = {name for query in queries.values() for name in re.findall(r"'([a-z0-9_]+\.[a-z_]+)'", query)}
    assert asked
    assert asked - logged == set()


def test_every_function_exists(root: Path, queries: dict[str, str]) -> None:
    """An alert on requests names functions that the app has."""
    code = "".join(path.read_text() for path in (root / "functions").glob("*.py"))
    names = set(re.findall(r"function_name\(\"(\w+)\"\)", code))
    asked = {
        name
        for query in queries.values()
        for said in re.findall(r"OperationName (?:=~|in~) \(?([^)|]+?)\)? (?:and|\|)", query + " |")
        for name in re.findall(r"'(\w+)'", said)
    }
    assert asked == {"timers", "notifications", "notifications_lifecycle"}
    assert asked <= names


def test_the_age_of_what_is_undelivered_is_told_in_milliseconds(root: Path, queries: dict[str, str]) -> None:
    """The query divides by what the log multiplies with."""
    code = (root / "shared" / "services" / "deliveries.py").read_text()
    assert re.search(r"age=int\(\([^\n]*total_seconds\(\) \* 1000\)", code)
    assert "toreal(told.age) / 1000" in queries["oldest-undelivered"]
