"""Finding Dovecot on this machine."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HOW_TO_INSTALL = "apt-get install -y --no-install-recommends dovecot-imapd dovecot-lmtpd dovecot-submissiond"
# Debian keeps both outside the PATH of a plain user.
_SBIN = ("/usr/sbin", "/usr/local/sbin")
_PARTS = ("imap", "lmtp", "submission")


class DovecotUnavailable(Exception):
    """Dovecot cannot be used here, and the sentence says why and how to get it."""


@dataclass(frozen=True)
class Install:
    """A Dovecot that we can configure."""

    server: Path
    admin: Path
    version: str


def find() -> Install:
    """Returns this machine's Dovecot; raises DovecotUnavailable where there is none that we can configure."""
    server, admin = _program("dovecot"), _program("doveadm")
    version = _said([str(server), "--version"])
    # 2.4 wants another syntax of its configuration. https://doc.dovecot.org/2.4.0/installation/upgrade/2.3-to-2.4.html
    if not re.match(r"2\.3\.", version):
        raise DovecotUnavailable(f"Dovecot {version or '(no version)'} is installed; this stack configures 2.3 only.")
    libexec = Path(_said([str(_program("doveconf")), "-c", "/dev/null", "-h", "libexec_dir"]))
    missing = [part for part in _PARTS if not (libexec / part).exists()]
    if missing:
        raise DovecotUnavailable(f"Dovecot lacks {', '.join(missing)}: {HOW_TO_INSTALL}")
    return Install(server, admin, version)


def _program(name: str) -> Path:
    found = shutil.which(name) or next((shutil.which(name, path=folder) for folder in _SBIN), None)
    if not found:
        raise DovecotUnavailable(f"Dovecot is not installed: {HOW_TO_INSTALL}")
    return Path(found)


def _said(command: list[str]) -> str:
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own command, no shell
    return told.stdout.split(maxsplit=1)[0] if told.stdout.strip() else ""
