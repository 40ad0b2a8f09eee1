"""What deploys us stores no secret, and its scripts can be read by a plain shell."""

import re
import subprocess
from pathlib import Path

import pytest

from shared.settings import Settings

SCRIPTS = [
    "providers.sh",
    "secrets.sh",
    "entra/application.sh",
    "entra/delegated.sh",
    "entra/deployer.sh",
    "hooks/preprovision.sh",
    "hooks/postprovision.sh",
]


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_plain_shell(root: Path, name: str) -> None:
    """Every script may be run, and has the syntax of sh."""
    script = root / "infra" / name
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["/bin/sh", "-n", script], check=False).returncode == 0  # noqa: S603  a file of ours


def test_first_secrets_are_accepted(root: Path) -> None:
    """What secrets.sh prints becomes settings that the app starts with, new ones each time."""
    told = [made(root / "infra" / "secrets.sh") for _ in range(2)]
    vault = {"AzureWebJobsStorage__accountName": "one", "KEY_VAULT_URL": "https://one.vault.example.com"}
    assert Settings.model_validate({**told[0], **vault}).client_state_key_map
    assert all(told[0][name] != told[1][name] for name in told[0])


def test_the_workflow_stores_no_secret(root: Path) -> None:
    """It exchanges GitHub's own token, may read the code and no more, and asks /health in the end."""
    workflow = (root / ".github" / "workflows" / "deploy.yml").read_text()
    assert re.search(r"\$\{\{[^}]*\bsecrets\.", workflow) is None
    assert re.search(r"^permissions:\n  contents: read\n", workflow, re.MULTILINE)
    assert workflow.count("id-token: write") == len(re.findall("azure/login@", workflow))
    assert "/health" in workflow.rpartition("Smoke test")[2]


def test_every_action_is_pinned(root: Path) -> None:
    """An action is named by its full commit, and a comment names its tag."""
    workflow = (root / ".github" / "workflows" / "deploy.yml").read_text()
    uses = re.findall(r"uses: (.*)", workflow)
    assert uses
    assert [name for name in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", name)] == []


def made(script: Path) -> dict[str, str]:
    """Return the variables that a script prints."""
    said = subprocess.run([script], capture_output=True, text=True, check=True).stdout  # noqa: S603  a file of ours
    return dict(re.findall(r"^export (\w+)='([^']+)'$", said, re.MULTILINE))
