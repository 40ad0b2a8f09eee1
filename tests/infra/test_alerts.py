"""Alerts ask for what the product tells, and nothing on which they stand is dropped on its way."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.domain.backlog import Backlog
from shared.domain.log_events import EVENTS

NAMES = {
    "timer-heartbeat",
    "poison-rows",
    "oldest-undelivered",
    "renewal-failures",
    "notification-errors",
    "secret-expiry",
    "sidecar-silent",
    "sidecar-trouble",
}


@pytest.fixture
def alerts(root: Path) -> dict[str, dict[str, Any]]:
    """Return the alerts by their names."""
    return {alert["name"]: alert for alert in json.loads((root / "infra" / "alerts.json").read_text())}


@pytest.fixture
def host(root: Path) -> dict[str, Any]:
    """Return what host.json says of logs."""
    logging: dict[str, Any] = json.loads((root / "host.json").read_text())["logging"]
    return logging


def test_every_alert_has_its_runbook(root: Path, alerts: dict[str, dict[str, Any]]) -> None:
    """Each alert names the passage of the runbooks that is called like it, and both templates tell it."""
    assert alerts.keys() == NAMES
    assert {name: alert["runbook"] for name, alert in alerts.items()} == {
        name: f"docs/runbooks.md#{name}" for name in alerts
    }
    for template in ("infra/modules/alerts.bicep", "infra/terraform/alerts.tf"):
        assert re.search(r"Runbook: \$\{\S*runbook\}", (root / template).read_text()), template


def test_every_event_is_logged(alerts: dict[str, dict[str, Any]]) -> None:
    """An alert on lines stands on the one line of the backlog, which some code writes."""
    lines = [alert["query"] for name, alert in alerts.items() if name != "notification-errors"]
    for query in lines:
        assert query.startswith('AppTraces | where Message startswith \'{"event":"backlog.measured"\' |')
    assert "backlog.measured" in {event.name for event in EVENTS}


def test_every_field_is_measured(alerts: dict[str, dict[str, Any]]) -> None:
    """Every field that an alert looks at is one of the backlog, and what it computes it also looks at."""
    asked = {name: set(re.findall(r"told\.(\w+)", alert["query"])) for name, alert in alerts.items()}
    assert {field for fields in asked.values() for field in fields} <= Backlog.model_fields.keys()
    assert [name for name, fields in asked.items() if not fields] == ["notification-errors"]
    for alert in alerts.values():
        for name in re.findall(r"(\w+) = to\w+\(", alert["query"]):
            assert len(re.findall(rf"\b{name}\b", alert["query"])) > 1


def test_every_function_exists(root: Path, alerts: dict[str, dict[str, Any]]) -> None:
    """An alert on requests names functions that the app has, and counts those that were sampled away."""
    names = functions(root)
    query = alerts["notification-errors"]["query"]
    assert set(re.findall(r"'(\w+)'", query)) == {"notifications", "notifications_lifecycle"} <= names
    assert "Errors = ItemCount" in query
    assert (alerts["notification-errors"]["measure"], alerts["notification-errors"]["column"]) == ("Total", "Errors")


def test_no_line_is_sampled_away(host: dict[str, Any]) -> None:
    """Lines and exceptions are kept whatever the load; requests may be sampled."""
    sampling = host["applicationInsights"]["samplingSettings"]
    assert set(sampling["excludedTypes"].split(";")) == {"Trace", "Exception"}


def test_only_the_host_s_chatter_is_quiet(root: Path, host: dict[str, Any]) -> None:
    """Where the host's own lines about a function are quiet, ours of the same function are told."""
    levels = host["logLevel"]
    quiet = {name.split(".")[1] for name in levels if re.fullmatch(r"Function\.\w+", name)}
    assert quiet
    assert quiet <= functions(root)
    for name in quiet:
        assert (levels[f"Function.{name}"], levels[f"Function.{name}.User"]) == ("Warning", "Information")


def functions(root: Path) -> set[str]:
    """Return the names of the app's functions."""
    code = "".join(path.read_text() for path in (root / "functions").glob("*.py"))
    return set(re.findall(r"function_name\(\"(\w+)\"\)", code))
