"""What deploys us stores no secret, and its scripts can be read by a plain shell."""

import re
import subprocess
from pathlib import Path

import pytest

from shared.settings import Settings

COMMIT = ".example.com/sidecar:c0ffee123456"
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


@pytest.mark.parametrize(
    ("image", "builds"),
    [("", 1), ("one.example.com/sidecar:0123456789ab", 1), ("one.example.com/sidecar:1", 0), (f"one{COMMIT}", 0)],
    ids=["the first time", "of a former commit", "by hand", "of this commit"],
)
def test_azd_builds_an_image_for_each_commit(root: Path, tmp_path: Path, image: str, builds: int) -> None:
    """The hook builds where there is no image or a former commit's, and leaves one that somebody named."""
    calls = played(root, tmp_path, "hooks/postprovision.sh", DEPLOY_SIDECAR="true", SIDECAR_IMAGE=image)
    assert sum(call.startswith("az acr build --subscription here --registry one ") for call in calls) == builds
    assert calls.count("azd provision --no-prompt") == builds
    assert "azd env set API_TOKEN " in calls


@pytest.mark.parametrize(
    ("ids", "subject"),
    [
        ({}, "repo:contoso/mail:environment:production"),
        ({"OWNER_ID": "5", "REPOSITORY_ID": "7"}, "repo:contoso@5/mail@7:environment:production"),
    ],
    ids=["by name", "by id"],
)
def test_github_is_known_by_its_subject(root: Path, tmp_path: Path, ids: dict[str, str], subject: str) -> None:
    """The credential names the repository as GitHub's tokens do, with its ids where these tell them."""
    calls = played(root, tmp_path, "entra/deployer.sh", REPOSITORY="contoso/mail", GROUP="mail", **ids)
    assert f'"subject": "{subject}"' in "\n".join(calls)


def test_every_action_is_pinned(root: Path) -> None:
    """An action is named by its full commit, and a comment names its tag."""
    workflow = (root / ".github" / "workflows" / "deploy.yml").read_text()
    uses = re.findall(r"uses: (.*)", workflow)
    assert uses
    assert [name for name in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", name)] == []


def played(root: Path, folder: Path, script: str, **environment: str) -> list[str]:
    """Run a script with programs that only note how they were called; return the lines that they noted."""
    notes = folder / "notes"
    answers = (
        f"*get-value*) echo one.example.com ;; *rev-parse*) echo {COMMIT[-12:]} ;; *credential*) ;; *) echo said ;;"
    )
    for program in ("az", "azd", "git"):
        stub = folder / program
        stub.write_text(f'#!/bin/sh\necho "{program} $*" >> {notes}\ncase "$*" in {answers} esac\n')
        stub.chmod(0o755)
    subprocess.run(  # noqa: S603  a file of ours
        [root / "infra" / script],
        env={"PATH": f"{folder}:/usr/bin:/bin", "AZURE_SUBSCRIPTION_ID": "here", **environment},
        capture_output=True,
        check=True,
    )
    return notes.read_text().splitlines()


def made(script: Path) -> dict[str, str]:
    """Return the variables that a script prints."""
    said = subprocess.run([script], capture_output=True, text=True, check=True).stdout  # noqa: S603  a file of ours
    return dict(re.findall(r"^export (\w+)='([^']+)'$", said, re.MULTILINE))
