"""The sidecar's image, without a container engine: its rules are held, and its steps are run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pathspec import GitIgnoreSpec

KEPT = ["shared/settings.py", "sidecar/__init__.py", "sidecar/requirements.txt"]
LEFT = [
    ".env",
    ".git/config",
    "function_app.py",
    "local.settings.json",
    "shared/__pycache__/settings.cpython-312.pyc",
    "shared/adapters/certificate.pem",
    "tests/conftest.py",
]


@pytest.fixture
def dockerfile(root: Path) -> str:
    """Return the Dockerfile, each instruction on a line."""
    return (root / "sidecar" / "Dockerfile").read_text().replace("\\\n", " ")


def test_hadolint_has_nothing_to_say(root: Path) -> None:
    """The Dockerfile follows hadolint's rules."""
    said = hadolint(root / "sidecar" / "Dockerfile")
    assert (said.stdout, said.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("ARG PYTHON=python:3.12.12-slim-bookworm\n\nFROM ${PYTHON} AS built", "FROM python:latest AS built", "DL3007"),
        ('ENTRYPOINT ["python", "-m", "sidecar"]', "ENTRYPOINT python -m sidecar", "DL3025"),
        ("COPY shared", "ADD shared", "DL3020"),
    ],
)
def test_hadolint_finds_planted_errors(root: Path, tmp_path: Path, right: str, wrong: str, rule: str) -> None:
    """A moving tag, a shell form and a careless copy are told."""
    text = (root / "sidecar" / "Dockerfile").read_text()
    assert right in text
    (tmp_path / "Dockerfile").write_text(text.replace(right, wrong))
    assert rule in hadolint(tmp_path / "Dockerfile").stdout


def test_the_image_is_small_and_owns_nothing(dockerfile: str) -> None:
    """The last stage takes three folders, runs as a number and not as root, and says how it is."""
    last = dockerfile.rpartition("\nFROM ")[2]
    assert re.findall(r"^COPY (.*)$", last, re.MULTILINE) == [
        "--from=built /app/venv /app/venv",
        "shared /app/shared",
        "sidecar /app/sidecar",
    ]
    assert re.findall(r"^USER (.*)$", last, re.MULTILINE) == ["10001"]
    assert re.findall(r"^EXPOSE (.*)$", last, re.MULTILINE) == ["8080"]
    assert "HEALTHCHECK" in last
    assert "pip" not in last
    assert "apt" not in dockerfile


def test_only_two_folders_reach_the_builder(root: Path) -> None:
    """What .dockerignore lets through is the code of the sidecar and of shared/, and no secret."""
    ignored = GitIgnoreSpec.from_lines((root / ".dockerignore").read_text().splitlines())
    assert [path for path in KEPT if ignored.match_file(path)] == []
    assert [path for path in LEFT if not ignored.match_file(path)] == []


@pytest.mark.timeout(400)
def test_the_steps_of_the_image_run(root: Path, tmp_path: Path, dockerfile: str) -> None:
    """What the Dockerfile's own pip line installs, uv being quicker at it, is all that the copied folders import."""
    app = tmp_path / "app"
    for folder in ("shared", "sidecar"):
        shutil.copytree(root / folder, app / folder, ignore=shutil.ignore_patterns("__pycache__"))
    uv = str(Path(sys.executable).parent / "uv")
    run(uv, "venv", "--python", sys.executable, str(app / "venv"))
    installs = re.search(r"/app/venv/bin/pip install --no-cache-dir (.*?) +&&", dockerfile)
    assert installs
    line = installs[1].replace("/build/requirements.txt", str(root / "sidecar" / "requirements.txt"))
    run(uv, "pip", "install", "--python", str(app / "venv"), *line.split())
    modules = [
        ".".join(path.relative_to(app).with_suffix("").parts).removesuffix(".__init__")
        for folder in ("shared", "sidecar")
        for path in sorted((app / folder).rglob("*.py"))
        if path.name != "__main__.py"
    ]
    imports = "; ".join(f"import {name}" for name in modules)
    run(str(app / "venv/bin/python"), "-B", "-c", imports, cwd=app)


def hadolint(path: Path) -> subprocess.CompletedProcess[str]:
    """Run hadolint on a Dockerfile."""
    return subprocess.run(  # noqa: S603  the words are this test's own
        [Path(sys.executable).parent / "hadolint", "--no-color", path], capture_output=True, text=True, check=False
    )


def run(*words: str, cwd: Path | None = None) -> None:
    """Run a step, which must succeed, though a package index may stumble."""
    patient = {**os.environ, "UV_HTTP_RETRIES": "10", "UV_HTTP_TIMEOUT": "120"}
    ended = subprocess.run(words, cwd=cwd, env=patient, capture_output=True, text=True, check=False)  # noqa: S603  as above
    assert ended.returncode == 0, ended.stdout + ended.stderr
