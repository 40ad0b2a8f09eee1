"""The parts for mailboxes of users who sign in: Dovecot in Exchange's place, and the sidecar that opens them."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from local.dovecot import server
from local.dovecot.install import DovecotUnavailable, find
from local.dovecot.server import Dovecot
from local.m365.control import Microsoft365
from local.stack import ports
from local.stack.children import Child, child
from local.stack.errors import StackRefused
from shared.settings import OF_THE_APP, variable


@dataclass(frozen=True)
class MailServer:
    """Dovecot, and where the sidecar in front of it will answer."""

    dovecot: Dovecot
    port: int
    key: str

    def of_app(self) -> dict[str, str]:
        """Returns the function app's settings."""
        return {"SIDECAR_URL": f"http://{ports.HOST}:{self.port}", "SIDECAR_KEY": self.key}

    def of_sidecar(self) -> dict[str, str]:
        """Returns the sidecar's settings; Dovecot has an authority of its own."""
        where = self.dovecot.ports
        return {
            "SIDECAR_PORT": str(self.port),
            "SIDECAR_KEY": self.key,
            "IMAP_SERVER": f"{self.dovecot.host}:{where.imaps}",
            "SMTP_SERVER": f"{self.dovecot.host}:{where.submission}",
            "SSL_CERT_FILE": str(self.dovecot.authority),
            **without_secrets_of_the_app(),
        }


def without_secrets_of_the_app() -> dict[str, str]:
    """Returns what hides from a sidecar the secrets that are the function app's alone, as in Azure."""
    return {variable(name): "" for name in OF_THE_APP}


def why_not() -> str | None:
    """Returns why there can be no mail server on this machine, and how to get one."""
    try:
        find()
    except DovecotUnavailable as unavailable:
        return str(unavailable)
    return None


@contextmanager
def mail_server(m365: Microsoft365, key: str) -> Iterator[MailServer]:
    """Starts Dovecot, which takes the tokens of *m365*; its mail is gone in the end."""
    key_id, pem = m365.signing_key()
    public = load_pem_public_key(pem.encode())
    if not isinstance(public, RSAPublicKey):
        raise StackRefused("The simulated Microsoft 365 signs with another kind of key.")
    # As root, Dovecot serves mail as another user, who must reach the folder.
    with tempfile.TemporaryDirectory(prefix="relay365-mail-") as folder, server.running(Path(folder)) as dovecot:
        dovecot.trust(public, key_id)
        yield MailServer(dovecot, ports.free(), key)


@contextmanager
def sidecar(mail: MailServer, environment: Mapping[str, str], log: Path) -> Iterator[Child]:
    """Starts a replica of the sidecar on *environment*, which is the function app's."""
    variables = {**environment, **mail.of_sidecar()}
    with child("The sidecar", [sys.executable, "-m", "sidecar"], log=log, environment=variables) as started:
        started.wait_until(lambda: _is_healthy(mail.port))
        yield started


def _is_healthy(port: int) -> bool:
    try:
        return requests.get(f"http://{ports.HOST}:{port}/health", timeout=2, proxies=_NO_PROXY).ok
    except requests.RequestException:
        return False


# Loopback is reached without one, whatever the environment names.
_NO_PROXY = {"http": "", "https": ""}
