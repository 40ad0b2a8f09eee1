"""A function app in a folder, and a host process on it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from local.stack import ports

REPOSITORY = Path(__file__).parents[3]

WriteApp = Callable[..., Path]
StartHost = Callable[..., "Host"]


class Host:
    """A host process and its address."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def read_until(self, text: str) -> str:
        """Returns what the log says until a line with the text comes."""
        said = ""
        for line in self.process.stderr or ():
            said += line
            if text in line:
                return said
        raise AssertionError(f"The host ended without saying {text!r}: {said}")

    def stop(self) -> tuple[int, str]:
        """Ends the process as an orchestrator would; returns its exit code and its log."""
        self.process.terminate()
        log = self.process.stderr.read() if self.process.stderr else ""
        return self.process.wait(200), log


def write_app(root: Path, source: str, **host_json: object) -> Path:
    """Writes function_app.py with the usual imports, and host.json with root routes."""
    head = "import asyncio, functools, logging, time, typing\nimport azure.functions as func\n"
    (root / "function_app.py").write_text(head + dedent(source))
    (root / "host.json").write_text(
        json.dumps({"version": "2.0", "extensions": {"http": {"routePrefix": ""}}, **host_json})
    )
    return root


def launch(root: Path, port: int, *options: str, **environment: str) -> subprocess.Popen[str]:
    """Starts `python -m local.host`."""
    return subprocess.Popen(  # noqa: S603  our own command, no shell
        [sys.executable, "-m", "local.host", "--root", str(root), "--port", str(port), *options],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def start(root: Path, *options: str, **environment: str) -> Host:
    """Starts a host and waits until it answers."""
    port = ports.free()
    host = Host(launch(root, port, *options, **environment), f"http://127.0.0.1:{port}")
    deadline = time.monotonic() + 200
    while not ports.answers(port):
        assert host.process.poll() is None, host.process.communicate()[1]
        assert time.monotonic() < deadline, "The host does not answer."
        time.sleep(0.05)
    return host


@pytest.fixture
def start_host(tmp_path: Path) -> Iterator[StartHost]:
    """Starts hosts on an app's source; ends those that still run."""
    hosts: list[Host] = []

    def begin(source: str, *options: str, **environment: str) -> Host:
        hosts.append(start(write_app(tmp_path, source), *options, **environment))
        return hosts[-1]

    yield begin
    for host in hosts:
        if host.process.poll() is None:
            host.stop()


@pytest.fixture
def fresh_import(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keeps an imported function_app and its folder from leaking into other tests."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = sys.modules.pop("function_app", None)
    yield
    sys.modules.pop("function_app", None)
    if before is not None:
        sys.modules["function_app"] = before
