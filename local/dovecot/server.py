"""A running Dovecot, and all that a test does to it from outside."""

import os
import signal
import smtplib
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local.dovecot.config import DovecotPorts, Relay, server_config, token_config
from local.dovecot.install import DovecotUnavailable, Install, find
from local.m365 import certificates
from local.stack.ports import free, is_free

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_HOST = "127.0.0.1"


class Dovecot:
    """
    A Dovecot of its own folder, ports and certificate; several run side by side.

    Mail outlives a stop and a start. Names of folders are paths with `/` between names. Without *issuers*, every issuer
    whose key is trusted is accepted; *relay* is where submitted mail goes.
    """

    host = "localhost"

    def __init__(
        self,
        folder: Path,
        *,
        ports: DovecotPorts | None = None,
        relay: Relay | None = None,
        issuers: tuple[str, ...] = (),
        connections_per_user: int = 20,
        install: Install | None = None,
    ) -> None:
        self.folder = folder
        self.ports = ports or free_ports()
        self._install = install or find()
        self._relay = relay or Relay()
        self._issuers = issuers
        self._connections_per_user = connections_per_user
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def authority(self) -> Path:
        """The certificate that a client must trust, as PEM."""
        return self.folder / "tls" / "ca.pem"

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        path = self.folder / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Writes the configuration and starts; returns when all ports answer."""
        self._write()
        command = [str(self._install.server), "-F", "-c", str(self._config)]
        self._process = subprocess.Popen(  # noqa: S603  our own command, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C at the terminal must reach the stack before its servers
        )
        try:
            self._wait(self._process)
        except DovecotUnavailable:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops the server. SIGKILL would leave its children alive, so it is the last resort and meets them all."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stderr:
            process.stderr.close()
        # Its children hold the sockets for a moment longer, and would take a connection to the grave.
        deadline = time.monotonic() + _STOP_SECONDS
        while not all(is_free(port) for port in vars(self.ports).values()) and time.monotonic() < deadline:
            time.sleep(0.02)

    def trust(self, key: RSAPublicKey, key_id: str, *, client: str = "default") -> None:
        """Accepts tokens that *key* signed; *client* is the token's `azp`, where it has one."""
        path = self.folder / "keys" / client / "RS256" / key_id
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        self._share(self.folder / "keys")

    def grant(self, user: str, mailbox: str | None = None) -> None:
        """Lets *user* open *mailbox*, his own where none is named: what FullAccess is in Exchange."""
        right = self._right(user, mailbox)
        right.parent.mkdir(parents=True, exist_ok=True)
        self._write_readable(right, f"{(mailbox or user).lower()}:::::::nopassword=y\n")

    def revoke(self, user: str, mailbox: str | None = None) -> None:
        """Takes that right away; a session that is open stays open."""
        self._right(user, mailbox).unlink(missing_ok=True)
        # Dovecot looks at a file that it knows once in a second.
        time.sleep(1.05)

    def deliver(self, mailbox: str, message: bytes, *, sender: str = "sender@example.com") -> None:
        """Delivers *message* as mail from outside."""
        with smtplib.LMTP(_HOST, self.ports.lmtp, local_hostname="localhost") as lmtp:
            lmtp.sendmail(sender, [mailbox], message)

    def append(self, mailbox: str, message: bytes, folder: str = "INBOX") -> None:
        """Puts *message* into a folder, which is made where it is missing."""
        self._admin("save", "-u", mailbox, "-m", folder, given=message)

    def flag(self, mailbox: str, uid: int, *flags: str, folder: str = "INBOX", on: bool = True) -> None:
        """Sets or clears flags of a message."""
        change = "add" if on else "remove"
        self._admin("flags", change, "-u", mailbox, " ".join(flags), "mailbox", folder, "uid", str(uid))

    def move(self, mailbox: str, uid: int, folder: str, to: str) -> None:
        """Moves a message to another folder."""
        self._admin("move", "-u", mailbox, to, "mailbox", folder, "uid", str(uid))

    def expunge(self, mailbox: str, uid: int, folder: str = "INBOX") -> None:
        """Removes a message for good."""
        self._admin("expunge", "-u", mailbox, "mailbox", folder, "uid", str(uid))

    def reset_uidvalidity(self, mailbox: str, uidvalidity: int, folder: str = "INBOX") -> None:
        """Gives a folder another UIDVALIDITY, as after a restore."""
        self._admin("mailbox", "update", "-u", mailbox, "--uid-validity", str(uidvalidity), folder)

    def create_folder(self, mailbox: str, folder: str) -> None:
        """Makes a folder."""
        self._admin("mailbox", "create", "-u", mailbox, "-s", folder)

    def delete_folder(self, mailbox: str, folder: str) -> None:
        """Removes a folder with its mail."""
        self._admin("mailbox", "delete", "-u", mailbox, "-s", folder)

    def uids(self, mailbox: str, folder: str = "INBOX") -> list[int]:
        """Returns the UIDs of a folder's messages."""
        said = self._admin("-f", "flow", "fetch", "-u", mailbox, "uid", "mailbox", folder, "all")
        return [int(line.partition("=")[2]) for line in said.splitlines()]

    def kick(self, mailbox: str) -> None:
        """Ends the live sessions of a mailbox, of which there must be one: they get `* BYE`, a moment later."""
        deadline = time.monotonic() + _START_SECONDS
        # Who has just signed in may not be on the list yet.
        while self._admin("kick", mailbox, may_fail=True).startswith("no users kicked"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"Nobody has {mailbox} open.")
            time.sleep(0.02)

    @property
    def _config(self) -> Path:
        return self.folder / "dovecot.conf"

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # As root, Dovecot reads keys and mail as other users.
        self.folder.chmod(0o755)
        for name in ("keys", "mail", "rights"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "mail").chmod(0o777 if os.getuid() == 0 else 0o700)
        certificates.make(self.folder / "tls")
        self._write_readable(self.folder / "oauth2.conf.ext", token_config(self.folder, self._issuers))
        config = server_config(self.folder, self.ports, self._relay, self._connections_per_user)
        self._write_readable(self._config, config)

    def _right(self, user: str, mailbox: str | None) -> Path:
        return self.folder / "rights" / f"{(mailbox or user).lower()}|{user.lower()}"

    def _write_readable(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o644)

    def _share(self, folder: Path) -> None:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        # The process behind the plain port serves the other IMAP port as well, where clients speak first.
        waiting = [self.ports.imap, self.ports.submission, self.ports.lmtp]
        while waiting:
            if process.poll() is not None:
                said = process.stderr.read(2000).decode(errors="replace") if process.stderr else ""
                raise DovecotUnavailable(f"Dovecot ended at once with code {process.returncode}. {said}{self.log}")
            if time.monotonic() > deadline:
                raise DovecotUnavailable(f"Dovecot did not answer within {_START_SECONDS:.0f} seconds. {self.log}")
            if _greets(waiting[0]):
                waiting.pop(0)
            else:
                time.sleep(0.02)

    def _admin(self, *arguments: str, given: bytes = b"", may_fail: bool = False) -> str:
        command = [str(self._install.admin), "-c", str(self._config), *arguments]
        done = subprocess.run(command, input=given, capture_output=True, check=False)  # noqa: S603  our own, no shell
        if done.returncode and not may_fail:
            raise RuntimeError(f"doveadm {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()


def _greets(port: int) -> bool:
    """Tells whether a server speaks there; its socket alone takes connections long before anybody is behind it."""
    try:
        with socket.create_connection((_HOST, port), timeout=1) as connection:
            return bool(connection.recv(1))
    except OSError:
        return False


@contextmanager
def running(folder: Path, *, relay: Relay | None = None, issuers: tuple[str, ...] = ()) -> Iterator[Dovecot]:
    """Runs a Dovecot in *folder* on free ports, and stops it at the end."""
    server = Dovecot(folder, relay=relay, issuers=issuers)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def free_ports() -> DovecotPorts:
    """Returns four ports that nobody listens on, kept for this process."""
    return DovecotPorts(*(free() for _ in range(4)))
