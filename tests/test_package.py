"""What is deployed is the app and nothing else."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from pathspec import GitIgnoreSpec

DEPLOYED = {"function_app.py", "host.json", "requirements.txt", "functions", "shared"}

STAYS_AT_HOME = [
    ".azure/production/.env",
    ".dev/node_modules/azurite/package.json",
    ".dockerignore",
    ".env",
    ".funcignore",
    ".github/workflows/deploy.yml",
    ".venv/bin/python",
    "README.md",
    "azure.yaml",
    "docs/README.md",
    "functions/__pycache__/accounts.cpython-311.pyc",
    "infra/main.bicep",
    "local.settings.example.json",
    "local.settings.json",
    "requirements-dev.txt",
    "shared/.DS_Store",
    "shared/adapters/certificate.pem",
    "sidecar/Dockerfile",
    "tests/test_package.py",
]


@pytest.fixture(scope="module")
def ignored(root: Path) -> GitIgnoreSpec:
    """Return .funcignore as a matcher of paths."""
    return GitIgnoreSpec.from_lines((root / ".funcignore").read_text().splitlines())


@pytest.fixture(scope="module")
def package(root: Path, ignored: GitIgnoreSpec) -> list[str]:
    """Return the path of every file that a deployment from this checkout would take."""
    return sorted(files(root, root, ignored))


def test_only_the_app_is_deployed(package: list[str]) -> None:
    """Exactly the app's own files and folders leave the house; whatever else lies about would be a leak."""
    assert {path.split("/")[0] for path in package} == DEPLOYED


def test_packages_hold_only_code(package: list[str]) -> None:
    """Below functions/ and shared/ Python and pages are deployed, and no function.json, the older model's mark."""
    pages = [path for path in package if path.startswith("functions/pages/")]
    others = [path for path in package if "/" in path and path not in pages]
    assert [path for path in others if not path.endswith((".py", "py.typed"))] == []
    assert {path.rpartition(".")[2] for path in pages} == {"py", "html", "css"}


@pytest.mark.parametrize("path", STAYS_AT_HOME)
def test_secrets_and_tools_stay_at_home(ignored: GitIgnoreSpec, path: str) -> None:
    """A file of the developer is not deployed, wherever it lies."""
    assert ignored.match_file(path)


def test_deployed_files_are_complete(root: Path, package: list[str], tmp_path: Path) -> None:
    """The app starts from the deployed files alone."""
    for path in package:
        copy = tmp_path / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, copy)
    started = subprocess.run(
        [sys.executable, "-c", "import function_app; print(len(function_app.app.get_functions()))"],
        cwd=tmp_path,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    assert int(started.stdout) > 0


@pytest.mark.parametrize("name", ["function_app", "functions", "shared"])
def test_no_requirement_takes_our_names(name: str) -> None:
    """No installed distribution brings a top-level package of ours; in Azure it would come first on the path."""
    assert packages_distributions().get(name) is None


def files(root: Path, folder: Path, ignored: GitIgnoreSpec) -> Iterator[str]:
    """Yield what is not ignored below *folder*, without descending into ignored folders."""
    for entry in os.scandir(folder):
        path = Path(entry.path).relative_to(root).as_posix()
        if entry.is_dir(follow_symlinks=False):
            if not ignored.match_file(f"{path}/"):
                yield from files(root, Path(entry.path), ignored)
        elif not ignored.match_file(path):
            yield path
