"""`serve` takes its settings from the file and the environment, and refuses bad ones in a sentence."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local import azurite
from local.stack import ports
from local.stack.api import Api
from local.stack.serve import make_settings, wants_azurite

TOKEN = "0123456789abcdef0123456789abcdef"
STORAGE = ("AzureWebJobsStorage", "AzureWebJobsStorage__accountName", "AzureWebJobsStorage__queueServiceUri")
PROGRAM = """
import sys
from functools import partial
from pathlib import Path
from local.stack import cli, signals

folder = Path(sys.argv[1])
cli.STATE, cli.serve = folder, partial(cli.serve, folder=folder)
signals.listen()
sys.exit(cli.main(["serve", "--port", sys.argv[2]]))
"""


def launch(root: Path, folder: Path, port: int, **environment: str) -> subprocess.Popen[str]:
    """Starts `serve` on settings in a folder that is not the checkout."""
    return subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-c", PROGRAM, str(folder), str(port)],
        cwd=root,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_settings_are_made_from_the_example(root: Path, tmp_path: Path) -> None:
    """Missing settings are the example with a token and a key made by chance, for their owner's eyes only."""
    path = tmp_path / "local.settings.json"
    assert make_settings(path)
    example = json.loads((root / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]
    made = json.loads(path.read_text(encoding="utf-8"))["Values"]
    assert {name for name in made if made[name] != example[name]} == {"API_TOKEN", "CLIENT_STATE_KEYS"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_settings_are_kept(tmp_path: Path) -> None:
    """Settings that are there are left as they are."""
    path = tmp_path / "local.settings.json"
    path.write_text("{}")
    assert not make_settings(path)
    assert path.read_text() == "{}"


@pytest.mark.parametrize(
    "environment",
    [{}, {"AzureWebJobsStorage": ""}, {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}],
    ids=["unset", "empty", "emulated"],
)
def test_azurite_is_started(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Where the settings name no storage account but the emulated one, Azurite is it."""
    assert wants_azurite_with(monkeypatch, environment)


@pytest.mark.parametrize(
    "environment",
    [{"AzureWebJobsStorage": "AccountName=a;AccountKey=a2V5"}, {"AzureWebJobsStorage__accountName": "relay"}],
    ids=["connection string", "managed identity"],
)
def test_given_storage_is_used(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """A storage account that the settings name is used, and no Azurite is started."""
    assert not wants_azurite_with(monkeypatch, environment)


def wants_azurite_with(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> bool:
    """Asks with these variables of storage and no other."""
    for name in STORAGE:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return wants_azurite()


@pytest.fixture
def storage() -> Iterator[str]:
    """Return storage without work; in the worker's own a real app would do what tests left there, months late."""
    with azurite.running() as emulator:
        yield emulator.connection_string


def test_serve(root: Path, tmp_path: Path, storage: str) -> None:
    """It serves the API on the given storage, the environment's token wins, and Ctrl-C leaves no process behind."""
    port = ports.free()
    process = launch(root, tmp_path, port, AzureWebJobsStorage=storage, API_TOKEN=TOKEN)
    said = []
    for line in process.stdout or []:
        said.append(line)
        if "Ctrl-C" in line:
            break
    family = psutil.Process(process.pid).children(recursive=True)
    listed = Api(f"http://127.0.0.1:{port}", TOKEN).get("/v1/oauth2")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=200)
    assert listed["page"] == 0
    assert process.returncode == 0
    assert TOKEN in "".join(said)
    assert len(family) == 1
    assert [each for each in family if each.is_running()] == []


def test_bad_settings(root: Path, tmp_path: Path) -> None:
    """Settings that cannot be right are named in sentences, and the exit code is 1."""
    wrong = {"API_TOKEN": "short", "GRAPH_URL": "nowhere"}
    process = launch(root, tmp_path, ports.free(), AzureWebJobsStorage="AccountName=a;AccountKey=a2V5", **wrong)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 1
    heading, *lines = said.splitlines()
    assert heading == "The settings cannot be right:"
    assert [line.split(" must ")[0] for line in lines] == ["- API_TOKEN", "- GRAPH_URL"]
