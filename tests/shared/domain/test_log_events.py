"""The log's vocabulary is what the code writes, and what docs/log.md shows."""

import ast
from collections.abc import Iterator
from pathlib import Path

from shared.domain.backlog import Backlog
from shared.domain.log_events import EVENTS, FIELDS, LogEvent

# What a call spreads, by the function or attribute that makes it.
SPREAD = {
    "_named": {"delivery", "event_id", "webhook"},
    "_about": {"delivery", "event_id", "webhook", "account", "kind", "correlation"},
    "_trouble": {"kind", "account", "account_key", "app", "correlation", "error", "stack"},
    "_whose": {"account", "account_key", "correlation"},
    "_caller": {"account", "token"},
    "explained": {"error", "stack"},
    "counts": {"deliveries", "payloads", "sightings", "poison", "left"},
    "measured.model_dump": set(Backlog.model_fields),
}
WORDS = {"event": False, "problem": True}


def test_the_code_writes_these_lines(root: Path) -> None:
    """Every line in the code is in the vocabulary, with its level and its fields, and the other way round."""
    written: dict[str, tuple[bool, set[str]]] = {}
    for name, problem, fields in lines(root):
        _, known = written.setdefault(name, (problem, set()))
        known |= fields
    assert written == {event.name: (event.problem, set(event.fields)) for event in EVENTS}


def test_a_line_has_one_name() -> None:
    """No name is in the vocabulary twice, and each is a noun and what became of it."""
    names = [event.name for event in EVENTS]
    assert len(set(names)) == len(names)
    assert [name for name in names if name.count(".") != 1] == []


def test_the_page_shows_the_vocabulary(root: Path) -> None:
    """docs/log.md has the table of the lines and that of the common fields, as they stand here."""
    page = (root / "docs" / "log.md").read_text(encoding="utf-8")
    shown = [line for line in page.splitlines() if line.startswith("| `")]
    assert shown == [*(f"| `{name}` | {says} |" for name, says in FIELDS.items()), *map(row, EVENTS)]


def row(event: LogEvent) -> str:
    """Return the row of docs/log.md about a line."""
    fields = " ".join(f"`{name}`" for name in event.fields)
    return f"| `{event.name}` | {'problem' if event.problem else ''} | {event.says} | {fields} |"


def lines(root: Path) -> Iterator[tuple[str, bool, set[str]]]:
    """Yield each call that writes a line: its name, whether it is a problem, and its fields."""
    for folder in ("functions", "shared", "sidecar"):
        for module in (root / folder).rglob("*.py"):
            for call in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not call.args:
                    continue
                name = call.args[0]
                if call.func.attr in WORDS and isinstance(name, ast.Constant):
                    yield str(name.value), WORDS[call.func.attr], set().union(*map(fields_of, call.keywords))


def fields_of(keyword: ast.keyword) -> set[str]:
    """Return the fields that an argument of a call is, or spreads."""
    if keyword.arg is not None:
        return {keyword.arg}
    maker = keyword.value.func if isinstance(keyword.value, ast.Call) else keyword.value
    return SPREAD[ast.unparse(maker).removeprefix("self.")]
