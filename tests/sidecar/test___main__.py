"""The process begins with its settings, and says what cannot be right about them (tests/faults/ run the rest)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.bootstrap import sidecar
from sidecar.__main__ import supervise


def test_missing_settings_are_named(root: Path) -> None:
    """Without settings the process ends at once, with what is missing, no secret of the app's, and no traceback."""
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    command = [sys.executable, "-m", "sidecar"]
    ended = subprocess.run(  # noqa: S603  our own program
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert (
        "AzureWebJobsStorage (or AzureWebJobsStorage__accountName with a managed identity) is missing" in ended.stderr
    )
    assert "API_TOKEN" not in ended.stderr
    assert "CLIENT_STATE_KEYS" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_replicas_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two starts on one machine are two replicas, even of one process, which needs no secret of the function app's."""
    for name, value in {
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "VAULT_FILE": str(tmp_path / "vault"),
        "IMAP_SERVER": "mail.example.com:1993",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("CLIENT_STATE_KEYS", "API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    sidecar.forget()
    part = sidecar()
    sidecar.forget()
    assert part.imap_server == ("mail.example.com", 1993)
    assert supervise(part).me != supervise(part).me
