"""A copy of the templates that a test may break."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """Return a copy of infra/."""
    return Path(shutil.copytree(root / "infra", tmp_path / "infra", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture
def plant(copy: Path) -> Callable[[str, str, str], Path]:
    """Return what replaces one text of a file of the copy, which must be there, and returns it."""

    def planted(name: str, right: str, wrong: str) -> Path:
        text = (copy / name).read_text()
        assert right in text
        (copy / name).write_text(text.replace(right, wrong, 1))
        return copy

    return planted
