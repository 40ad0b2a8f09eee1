"""The journey that a newcomer watches: a mail becomes a signed webhook."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from local.dovecot import install
from local.stack import users
from local.stack.keys import kept
from local.stack.parts import APP_LOG, SIDECAR_LOG
from local.stack.run import run_once
from tests.journeys.leaks import leaks

COMMAND = [sys.executable, "-m", "local.stack", "run", "--once"]
EXPECTED = {
    "accountAdded": 3,
    "authenticationSuccess": 3,
    "accountInitialized": 3,
    "messageNew": 5,
    "messageUpdated": 1,
    "messageMoved": 1,
    "messageDeleted": 1,
}
OF_USERS = {
    "accountAdded": 2,
    "authenticationSuccess": 2,
    "accountInitialized": 2,
    "messageNew": 4,
    "messageUpdated": 2,
    "messageDeleted": 2,
}
# A webhook that comes again under its id, as Graph may tell it again, is said to.
LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d{3}  (\w+) .* (\d+) ms  verified(, again)?$", re.MULTILINE)


def _missing(name: str) -> Path:
    raise install.DovecotUnavailable(f"Dovecot is not installed: {install.HOW_TO_INSTALL}")


def launch(root: Path, *options: str) -> subprocess.Popen[str]:
    """Starts the journey."""
    return subprocess.Popen(  # noqa: S603  our own program
        [*COMMAND, *options], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def came(said: str) -> Counter[str]:
    """Return how many webhooks of each event came, each once."""
    return Counter(event for event, _, again in LINE.findall(said) if not again)


def runs(process: psutil.Process) -> bool:
    """Tell whether a process runs: one that is dead and not yet fetched by its parent does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_run_once(root: Path, tmp_path: Path) -> None:
    """Every event of the journey arrives, verified and with its latency; and no log tells what it was about."""
    without = users.why_not()
    if without and os.environ.get("REQUIRE_DOVECOT") == "1":
        pytest.fail(f"REQUIRE_DOVECOT=1, and: {without}")
    process = launch(root, "--logs", str(tmp_path))
    said, trouble = process.communicate(timeout=250)
    assert process.returncode == 0, said + trouble
    assert came(said) == Counter(EXPECTED) + Counter({} if without else OF_USERS)
    assert trouble == ""
    logs = [tmp_path / APP_LOG] if without else [tmp_path / APP_LOG, tmp_path / SIDECAR_LOG]
    keys = kept(tmp_path / "keys.json")
    assert {log.name: leaks(log.read_text(errors="replace"), keys) for log in logs} == {log.name: [] for log in logs}
    # What was searched is the whole journey, and not the silence of a log that nobody wrote.
    written = "".join(log.read_text(errors="replace") for log in logs)
    attempts = re.findall(r'"event":"delivery.attempted".*"correlation":"', written)
    assert len(attempts) >= len(LINE.findall(said))


def test_run_without_a_mail_server(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no Dovecot, the run says how to get it and shows the rest."""
    monkeypatch.setattr(install, "_program", _missing)
    assert run_once(None) == 0
    said = capsys.readouterr().out
    assert "Without mailboxes of users who sign in: Dovecot is not installed: apt-get install" in said
    assert came(said) == EXPECTED


def test_stop_leaves_no_process(root: Path) -> None:
    """SIGTERM in the middle of the journey stops every process within seconds, and the exit code is 0."""
    process = launch(root)
    for line in process.stdout or []:
        if "are up at" in line:
            break
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    _, trouble = process.communicate(timeout=100)
    assert len(family) >= 3
    deadline = time.monotonic() + 60
    while still := [each for each in family if runs(each)]:
        # What a process had started itself was told to end with it, and nobody waits for that.
        assert time.monotonic() < deadline, still
        time.sleep(0.05)
    assert (process.returncode, trouble) == (0, "")
