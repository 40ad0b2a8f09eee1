"""Pages show what their commands print."""

from pathlib import Path

import pytest

from infra.costs.__main__ import said
from infra.costs.pages import renewed


@pytest.mark.parametrize("name", ["costs.md", "scaling.md"])
def test_pages_show_what_their_commands_print(root: Path, name: str) -> None:
    """Each table is what its command prints today; `python -m infra.costs --write docs/costs.md ...` mends it."""
    page = (root / "docs" / name).read_text(encoding="utf-8")
    assert page == renewed(page, said)


def test_costs_of_three_sizes_are_shown(root: Path) -> None:
    """The page has the tables of a hundred, ten thousand and a million mailboxes."""
    page = (root / "docs" / "costs.md").read_text(encoding="utf-8")
    assert all(
        f"```text\n$ python -m infra.costs --accounts {size}" in page for size in ("100\n", "10000\n", "1000000")
    )


def test_a_stale_table_is_renewed() -> None:
    """A block is replaced as a whole, and what stands around it stays."""
    page = "before\n\n```text\n$ python -m infra.costs --accounts 7\nold\nolder\n```\n\n```text\nother\n```\n"
    told = renewed(page, lambda options: f"{' '.join(options)} cost little\n")
    assert told == page.replace("old\nolder\n", "--accounts 7 cost little\n")
