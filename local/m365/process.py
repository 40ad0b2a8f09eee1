"""The simulated Microsoft 365 as a process of its own, for tests and for the stack runner."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.m365.certificates import make
from local.m365.control import Microsoft365

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers; Graph, Entra ID and the managed identity endpoint share its address."""

    m365: Microsoft365
    url: str
    authority: Path
    pid: int

    @property
    def graph_url(self) -> str:
        """The base of Graph's calls."""
        return f"{self.url}/v1.0"

    @property
    def identity_endpoint(self) -> str:
        """The value for IDENTITY_ENDPOINT."""
        return f"{self.url}/msi/token"


@contextmanager
def running(folder: Path, *, port: int = 0) -> Iterator[Running]:
    """Starts the server with certificates from a folder, and stops it in the end."""
    files = make(folder)
    command = [sys.executable, "-m", "local.m365", "--port", str(port)]
    command += ["--cert", str(files.certificate), "--key", str(files.key)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own program
        try:
            line = process.stdout.readline() if process.stdout else ""
            url = line.rsplit(" ", 1)[-1].strip()
            if not url.startswith("https://"):
                raise RuntimeError(f"The simulated Microsoft 365 did not start: {line!r}.")
            yield Running(Microsoft365(url, files.authority), url, files.authority, process.pid)
        finally:
            process.terminate()
