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


def test_the_workflow_hands_over_every_parameter(root: Path) -> None:
    """Plan and deployment give each variable; secrets the first time only, and an image as it is made."""
    asked = set(re.findall(r"Variable\('(\w+)'", (root / "infra" / "main.bicepparam").read_text()))
    jobs = (root / ".github" / "workflows" / "deploy.yml").read_text().partition("\n  plan:")[2].split("\n  deploy:")
    for job in jobs:
        given = set(re.findall(r"^ +([A-Z_]+): \$\{\{", job, re.MULTILINE))
        assert asked - given == {"CLIENT_STATE_KEYS", "API_TOKEN", "SIDECAR_KEY", "SIDECAR_IMAGE"}
        assert "SIDECAR_IMAGE=" in job
    assert "secrets.sh" in jobs[1]


def test_azd_knows_what_it_deploys(root: Path) -> None:
    """Every file that azure.yaml names is there, and its service is a function app of this folder."""
    told = dict(re.findall(r"^ *(\w+): (\S+)$", (root / "azure.yaml").read_text(), re.MULTILINE))
    assert (told["host"], told["project"], told["language"]) == ("function", ".", "python")
    assert (root / told["path"] / f"{told['module']}.bicep").exists()
    for name in re.findall(r"run: (\S+)", (root / "azure.yaml").read_text()):
        assert (root / name).exists()


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
