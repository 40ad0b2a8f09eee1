"""What Azure would refuse in an alert is found without it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import alerts


def test_ours_hold(root: Path) -> None:
    """Every alert is a rule that Azure takes."""
    assert alerts.problems(root / "infra") == []


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
        (("alerts.json", '"every": "PT5M"', '"every": "PT7M"'), "timer-heartbeat: Azure looks every"),
        (("alerts.json", '"window": "PT2H"', '"window": "PT30M"'), "secret-expiry: it looks back PT30M"),
        (("alerts.json", '"severity": 2', '"severity": 7'), "poison-rows: a severity is 0 to 4"),
        (("alerts.json", '"column": null', '"column": "Lines"'), "timer-heartbeat: rows are counted"),
        (("alerts.json", '"column": "Errors"', '"column": "Failures"'), "notification-errors: the column Failures"),
        (("alerts.json", "AppRequests | ", "Requests | "), "notification-errors: the query begins with none"),
        (("alerts.json", "startswith '{", "startswith {"), "timer-heartbeat: a string in the query does not end"),
        (("alerts.json", "count(), arg_max(", "count(, arg_max("), "timer-heartbeat: a '(' in the query is not closed"),
        (
            ("alerts.json", "parse_json(Message)", "parse_json(Message))"),
            "timer-heartbeat: a ')' in the query closes nothing",
        ),
        (("alerts.json", '"name": "poison-rows"', '"name": "timer-heartbeat"'), "timer-heartbeat is there twice"),
        (("alerts.json", '"measure": "Total"', '"measure": "Sum"'), "Azure has no Sum that is GreaterThan"),
        (("alerts.json", "runbooks.md#poison-rows", "runbooks.md#poison"), "its runbook is not"),
    ],
)
def test_planted_errors_are_found(plant: Callable[..., Path], slip: tuple[str, str, str], problem: str) -> None:
    """A slip in a rule or its query is told, with the name of the alert."""
    assert [each for each in alerts.problems(plant(*slip)) if problem in each]
