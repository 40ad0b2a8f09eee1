"""The house keeps its own rules: make, CI and the lock files."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

LOCKS = ["requirements.txt", "requirements-dev.txt", "requirements-node.txt"]


def test_make_alone_lists_every_target(root: Path) -> None:
    """`make` prints each target with a sentence about it."""
    makefile = (root / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    said = call(["make"], root).stdout
    listed = dict(re.findall(r"^  make ([a-z-]+) +(\S.*)$", said, re.MULTILINE))
    assert set(listed) == targets
    assert set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split()) == targets


def test_old_python_is_refused_with_a_sentence(root: Path, tmp_path: Path) -> None:
    """A Python that is too old is named, with what to do, before anything is made."""
    old = program(tmp_path / "python3.9", "exit 1")
    refused = call(["make", "setup", f"PYTHON={old}"], root)
    assert refused.returncode != 0
    assert f"{old} is none" in refused.stderr


@pytest.mark.parametrize(
    ("stub", "expected"),
    [
        ('echo "== 3 passed in 0.10s =="', 0),
        ('echo "3 passed in 0.10s"', 0),
        ('if test "$1" = check; then exit 2; fi; echo "== 3 passed in 0.10s =="', 2),
        ('if test "$1" = test; then echo "== 1 failed, 2 passed in 0.10s =="; exit 2; fi', 2),
        ('if test "$1" = test; then echo "== no tests ran in 0.10s =="; exit 5; fi', 5),
        ("exit 0", 1),
    ],
    ids=["passes", "passes quietly", "check fails", "tests fail", "no tests", "no closing line"],
)
def test_ci_fails_when_a_step_fails(root: Path, tmp_path: Path, stub: str, expected: int) -> None:
    """CI is green only when the checks pass and pytest says that its tests did."""
    program(tmp_path / "make", stub)
    ended = call([".ci/run"], root, path=tmp_path)
    assert ended.returncode == expected


@pytest.mark.parametrize("closing", ["== 3 passed in 0.10s ==", "== 1 failed, 2 passed in 61.00s (0:01:01) =="])
def test_ci_ends_with_the_closing_line(root: Path, tmp_path: Path, closing: str) -> None:
    """The last thing CI prints is pytest's own count, whatever make says after it."""
    program(tmp_path / "make", f'if test "$1" = test; then echo "{closing}"; echo "make: Error 1" >&2; exit 2; fi')
    assert call([".ci/run"], root, path=tmp_path).stdout.splitlines()[-1] == closing


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_with_hashes(root: Path, lock: str) -> None:
    """Each requirement has one version and its hashes, and none says where it is fetched from."""
    text = (root / lock).read_text()
    requirements = text.replace("\\\n", "").splitlines()
    assert requirements
    unpinned = [
        line
        for line in requirements
        if not re.fullmatch(r"[\w.-]+==\S+( ;[^#]*?)?( +--hash=sha256:[0-9a-f]{64})+", line)
    ]
    assert unpinned == []
    assert "://" not in text


def test_npm_lock_names_no_registry(root: Path) -> None:
    """The npm lock pins each package by its hash and leaves the choice of registry to the machine."""
    text = (root / ".dev" / "package-lock.json").read_text()
    assert '"integrity": "sha512-' in text
    assert '"resolved"' not in text


def program(path: Path, script: str) -> Path:
    """Write an executable shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def call(command: list[str], root: Path, *, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command at the root, with *path* first on PATH and nothing of an outer make in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    if path:
        environment["PATH"] = f"{path}{os.pathsep}{environment['PATH']}"
    return subprocess.run(  # noqa: S603  the commands stand in this file
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
