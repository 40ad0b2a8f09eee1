"""The tree is what it says it is: imports, settings, tests and README agree with the code."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# The host's own settings: they belong into the example, and none is a field of ours.
# https://learn.microsoft.com/azure/azure-functions/functions-app-settings
OF_THE_HOST = {"AzureWebJobsStorage", "FUNCTIONS_WORKER_RUNTIME", "PYTHON_THREADPOOL_THREAD_COUNT"}

# Modules without a test file of their own, each with the reason.
PROVED_ELSEWHERE = {
    "shared/domain/backlog.py": "Values without rules; tests/infra/test_alerts.py holds the alerts to them.",
    "shared/domain/flows.py": "Values without rules; tests/contracts/ hold their stores to them.",
    "shared/domain/watches.py": "Values without rules; tests/contracts/ hold their stores to them.",
    "shared/services/assembly/options.py": "Values without rules; tests/shared/wiring/test_options.py fills them.",
    "shared/services/sidecar.py": "Values without rules; tests/shared/wiring/test_sidecar.py fills them.",
    "shared/wiring/replacements.py": "Values without rules; tests/shared/test_bootstrap.py replaces by them.",
    "shared/wiring/user_agent.py": "One value.",
}

# Declarations only; tests/contracts/ hold both sides to them.
PORTS = "shared/ports/"

# What the start of the app must not pay for: the first caller may be Graph's handshake, which waits 10 s.
LOADED_ON_FIRST_USE = ("msal", "azure.identity", "azure.keyvault", "azure.data", "shared.services.relay")


def test_imports_keep_the_contracts(root: Path) -> None:
    """Imports point one way: every contract of pyproject.toml is kept."""
    checked = lint_imports(root)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("shared/domain/trespass.py", "import threading", "The domain does no I/O"),
        ("shared/services/trespass.py", "import requests", "Services know ports, not vendors"),
        ("shared/services/trespass.py", "import shared.adapters", "Imports point one way"),
        ("functions/trespass.py", "import shared.wiring", "Only the composition root asks the wiring"),
        ("shared/helpers/__init__.py", "", "Every part of shared/ has a place in that order"),
    ],
)
def test_contracts_notice_a_trespass(root: Path, tmp_path: Path, module: str, line: str, contract: str) -> None:
    """An import against the order, or a folder without a place in it, breaks the contract of that name."""
    for folder in ("functions", "shared", "sidecar"):
        shutil.copytree(root / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(root / "pyproject.toml", tmp_path / "pyproject.toml")
    trespass = tmp_path / module
    trespass.parent.mkdir(exist_ok=True)
    trespass.write_text(f'"""Goes where it must not."""\n\n{line}\n')
    checked = lint_imports(tmp_path)
    assert checked.returncode != 0
    assert re.search(rf"^{re.escape(contract)}\W+BROKEN", checked.stdout, re.MULTILINE), checked.stdout


def test_every_module_has_its_test_file(root: Path) -> None:
    """tests/ mirrors the code; a module without a test file stands on the list, with a reason."""
    untested = {
        module
        for module in modules(root)
        if not module.startswith(PORTS)
        and not (root / "tests" / module).with_name(f"test_{Path(module).name}").exists()
    }
    assert sorted(untested - PROVED_ELSEWHERE.keys()) == []
    assert sorted(PROVED_ELSEWHERE.keys() - untested) == [], "These are tested now, or gone: take them off the list."


def test_nothing_happens_at_import(root: Path) -> None:
    """The app imports in an empty environment, starts no thread, opens no connection and loads nothing slow."""
    program = (
        "import sys, threading; calls = [];"
        "sys.addaudithook(lambda event, args: calls.append(event) if event == 'socket.connect' else None);"
        "import function_app; function_app.app.get_functions();"
        f"early = [name for name in {LOADED_ON_FIRST_USE!r} if name in sys.modules];"
        "print(early, calls, threading.active_count())"
    )
    started = python(program, root, env={})
    assert started.returncode == 0, started.stderr
    assert started.stdout.strip() == "[] [] 1"


def test_example_settings_are_the_settings(root: Path) -> None:
    """local.settings.example.json names every setting, and none that the code does not read."""
    example = json.loads((root / "local.settings.example.json").read_text(encoding="utf-8"))
    assert set(example["Values"]) | OF_THE_HOST == settings() | OF_THE_HOST


def test_every_setting_is_described() -> None:
    """Each field of Settings says what it is for."""
    from shared.settings import Settings  # noqa: PLC0415  a broken module fails its own tests only

    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_readme_lists_the_settings(root: Path) -> None:
    """README's table of settings has a row for every setting, and for nothing else."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## Settings\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    assert section, "README has no section `## Settings`."
    rows = set(re.findall(r"^\| `(\w+)` \|", section.group(1), re.MULTILINE))
    assert rows | OF_THE_HOST == settings() | OF_THE_HOST


def test_readme_lists_the_events(root: Path) -> None:
    """README names every event that a webhook can carry."""
    from shared.domain.events import EventName  # noqa: PLC0415  a broken module fails its own tests only

    assert missing_from_readme(root, list(EventName)) == []


def test_readme_lists_the_functions(root: Path, app_functions: list[Any]) -> None:
    """README names every function, as the portal and the logs do."""
    assert missing_from_readme(root, [function.get_function_name() for function in app_functions]) == []


def lint_imports(where: Path) -> subprocess.CompletedProcess[str]:
    """Check the import contracts of the tree at *where*."""
    return python(
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(cache_dir=None))", where
    )


def python(program: str, where: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    return subprocess.run(  # noqa: S603  the programs stand in this file
        [sys.executable, "-c", program], cwd=where, env=env, capture_output=True, text=True, check=False
    )


def modules(root: Path) -> list[str]:
    """Return the modules of the app; a folder's __init__ only says what belongs into it."""
    found = (path for folder in ("functions", "shared", "sidecar") for path in (root / folder).rglob("*.py"))
    return [path.relative_to(root).as_posix() for path in found if path.name != "__init__.py"]


def settings() -> set[str]:
    """Return the name of every setting as it stands in the environment."""
    from shared.settings import Settings  # noqa: PLC0415  a broken module fails its own tests only

    return {
        field.validation_alias if isinstance(field.validation_alias, str) else name.upper()
        for name, field in Settings.model_fields.items()
    }


def missing_from_readme(root: Path, names: list[str]) -> list[str]:
    """Return the names that README does not quote as code."""
    quoted = set(re.findall(r"`([^`\n]+)`", (root / "README.md").read_text(encoding="utf-8")))
    return [name for name in names if name not in quoted]
