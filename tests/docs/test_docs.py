"""What the pages say exists: links lead somewhere, and what they name is in the code."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.settings import Settings, variable

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *(ROOT / folder / "README.md" for folder in ("infra", "bench", "soak")),
        *ROOT.glob("docs/*.md"),
    ]
)
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
SETTING = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
# Not what OpenTelemetry calls our fields.
EVENT = re.compile(r"(?!relay365\.)[a-z][a-z0-9_]*\.(?!(?:py|md|json|txt|toml|bicep|tf|sh|tld)\b)[a-z_]+")
# As a query names events.
ASKED = re.compile(r"'([a-z][a-z0-9_]*\.[a-z_]+)'")
ROUTE = re.compile(r"(?:GET|POST|PUT|DELETE) /([\w/{}.-]+)")
TARGET = re.compile(r"^ *make ([a-z]+)", re.MULTILINE)
MONTHLY = re.compile(r"`(\w+)` and a month")

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def words(path: Path) -> list[str]:
    """Return what *path* sets as code between words."""
    return CODE.findall(FENCE.sub("", path.read_text()))


@cache
def sources(*folders: str) -> str:
    """Return all the code of the folders."""
    return "\n".join(file.read_text() for folder in folders for file in sorted((ROOT / folder).rglob("*.py")))


@cache
def templates() -> str:
    """Return what the templates, the scripts and the tests set."""
    kinds = {".bicep", ".bicepparam", ".tf", ".sh", ".yml", ".py"}
    found = (file for folder in ("infra", "local", ".github", "tests") for file in (ROOT / folder).rglob("*"))
    return "\n".join(file.read_text() for file in found if file.suffix in kinds and file != Path(__file__))


@cache
def monthly() -> set[str]:
    """Return the kinds of rows that have a table for each month."""
    purged = re.search(r"_KINDS = \((.+)\)", sources("shared/adapters/storage/tables"))
    assert purged is not None
    return set(re.findall(r"\w+", purged[1]))


@cache
def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of *path*."""
    headings = HEADING.findall(FENCE.sub("", path.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@page
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file or folder that is there, and every anchor a heading of it."""
    for link in LINK.findall(page.read_text()):
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), link


@page
def test_settings_are_settings(page: Path) -> None:
    """Every setting that a page names is one of the product's, or one that the templates or the stack set."""
    ours = {variable(field) for field in Settings.model_fields}
    named = {word for word in words(page) if SETTING.fullmatch(word)}
    assert sorted(name for name in named - ours if name not in templates()) == []


@page
def test_log_events_are_logged(page: Path) -> None:
    """Every event of the log that a page names, or asks a query for, is one that the code writes."""
    known = set(re.findall(r'"([a-z][a-z0-9_]*\.[a-z_]+)"', sources("shared", "functions", "sidecar")))
    named = {word for word in words(page) if EVENT.fullmatch(word)} | set(ASKED.findall(page.read_text()))
    assert sorted(named - known) == []


@page
def test_routes_answer(page: Path, app_functions: list[Any]) -> None:
    """Every route that a page names is the product's, parameters and all."""
    known = {
        trigger["route"]
        for function in app_functions
        for trigger in function.get_bindings_dict()["bindings"]
        if "route" in trigger
    }
    named = {route for word in words(page) for route in ROUTE.findall(word)}
    assert sorted(named - known) == []


@page
def test_targets_can_be_made(page: Path) -> None:
    """Every target that a page has somebody make is in the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = "\n".join([*words(page), *FENCE.findall(page.read_text())])
    assert sorted(set(TARGET.findall(commands)) - targets) == []


def test_every_alert_has_a_runbook() -> None:
    """The runbooks' first part has a section for each alert, under its name, and no other."""
    alerts = {alert["name"] for alert in json.loads((ROOT / "infra/alerts.json").read_text())}
    text = (ROOT / "docs/runbooks.md").read_text()
    first_part = text.partition("# Alerts\n")[2].partition("\n# Situations")[0]
    sections = set(re.findall(r"^## (.+)$", first_part, re.MULTILINE))
    assert sorted(alerts - sections) == [], "Alerts without a runbook."
    assert sorted(sections - alerts) == [], "Runbooks without an alert."


def test_every_resource_is_explained() -> None:
    """The page of resources names every role with its identity, every queue, and every table, and no other table."""
    text = (ROOT / "docs/resources.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for role in json.loads((ROOT / "infra/roles.json").read_text()):
        assert any(line.startswith(f"| {role['who']} |") and role["role"] in line for line in rows), role
    storage = json.loads((ROOT / "infra/storage.json").read_text())
    assert sorted(queue for queue in storage["queues"] if f"`{queue}`" not in text) == []
    lazily = re.findall(r'f"{prefix}([a-z0-9]+)"', sources("shared/adapters/storage/tables"))
    table = text.partition("| table | holds |")[2].partition("\n\n")[0]
    named = {name for line in table.splitlines() for name in CODE.findall("".join(line.split("|")[1:2]))}
    assert sorted({*storage["tables"], *lazily, *monthly()} ^ named) == []


@page
def test_tables_are_kept(page: Path) -> None:
    """Every monthly table that a page names is one that is dropped by the month."""
    assert set(MONTHLY.findall(page.read_text())) <= monthly()
