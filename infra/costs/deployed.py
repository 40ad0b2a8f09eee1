"""What the repository itself says of a deployment: its alerts, its timers, and what the host logs."""

import json
import re
from functools import cache
from itertools import chain
from math import inf
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_SCHEDULE = re.compile(r"schedule=\"0 (\S+) (\S+) \* \* \*\"")
_SELDOM = 15
_QUIET = {"Warning", "Error", "Critical", "None"}


@cache
def alerts() -> dict[int, int]:
    """Returns how many alerts look every so many minutes; seldomer than every 15 costs no less, and counts as 15."""
    every = [alert["every"] for alert in json.loads((_ROOT / "infra" / "alerts.json").read_text(encoding="utf-8"))]
    # Durations as Azure writes them: PT5M, PT1H, P1D.
    minutes = [min(int(each[2:-1]), _SELDOM) if each.endswith("M") else _SELDOM for each in every]
    return {each: minutes.count(each) for each in sorted(set(minutes))}


@cache
def timer_runs() -> int:
    """Returns how often a day the timers of functions/ run."""
    code = "".join(path.read_text(encoding="utf-8") for path in (_ROOT / "functions").glob("*.py"))
    return sum(len(_moments(minute, 60)) * len(_moments(hour, 24)) for minute, hour in _SCHEDULE.findall(code))


@cache
def is_told_of(function: str) -> bool:
    """Tells whether host.json lets the host log the beginning and the end of each execution of the function."""
    levels = json.loads((_ROOT / "host.json").read_text(encoding="utf-8"))["logging"]["logLevel"]
    # The longest name that the category begins with decides.
    # https://learn.microsoft.com/azure/azure-functions/configure-monitoring#configure-log-levels
    names = (f"Function.{function}", "Function", "default")
    return next((levels[name] for name in names if name in levels), "Information") not in _QUIET


@cache
def sampling() -> tuple[float, frozenset[str]]:
    """Returns how many items of telemetry an instance sends a second, and of which types it sends all."""
    told = json.loads((_ROOT / "host.json").read_text(encoding="utf-8"))
    settings = told["logging"]["applicationInsights"]["samplingSettings"]
    limit = settings["maxTelemetryItemsPerSecond"] if settings["isEnabled"] else inf
    return limit, frozenset(filter(None, settings.get("excludedTypes", "").split(";")))


def _moments(field: str, end: int) -> set[int]:
    """Returns the minutes or hours that a field of a schedule means: `*`, `7`, `1,2`, `*/5`, `2-59/5`."""
    return set(chain.from_iterable(_range(part, end) for part in field.split(",")))


def _range(part: str, end: int) -> range:
    span, _, step = part.partition("/")
    if span == "*":
        return range(0, end, int(step or 1))
    first, _, last = span.partition("-")
    until = int(last) + 1 if last else end if step else int(first) + 1
    return range(int(first), until, int(step or 1))
