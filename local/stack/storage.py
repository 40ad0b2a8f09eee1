"""Azurite as a part of a stack."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local import azurite
from local.stack import ports
from local.stack.children import Child, child
from local.stack.errors import StackRefused


@dataclass(frozen=True)
class Storage:
    """Azurite, started; it answers after `wait`."""

    child: Child
    ports: azurite.Ports

    @property
    def connection_string(self) -> str:
        """How the SDKs find it."""
        return azurite.Azurite(self.ports, self.child.pid).connection_string

    def wait(self) -> None:
        """Returns when all three services take connections."""
        for port in (self.ports.blob, self.ports.queue, self.ports.table):
            self.child.wait_until(partial(ports.answers, port))


@contextmanager
def storage(
    where: azurite.Ports, *, log: Path, location: Path | None = None, options: Sequence[str] = ("--silent",)
) -> Iterator[Storage]:
    """
    Starts Azurite, in memory unless a location is given.

    Without `--silent` it writes a line for each request. Raises StackRefused where it is not installed, or a port is
    taken.
    """
    for port in (where.blob, where.queue, where.table):
        ports.demand(port, "Azurite", "name another storage account in AzureWebJobsStorage")
    try:
        command = [part for part in azurite.command(where, location) if part != "--silent"]
    except azurite.AzuriteUnavailable as reason:
        raise StackRefused(str(reason)) from reason
    with child("Azurite", [*command, *options], log=log) as started:
        yield Storage(started, where)
