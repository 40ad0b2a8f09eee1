"""Named points: a real process ends itself, as if its machine were gone, right before or after a call of a port."""

import base64
import json
import os
import re
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from local.host.storage_queue import StorageQueue
from shared import bootstrap
from shared.ports.outside import Outside
from shared.wiring import outside
from tests.faults.fate import Mortal

# What changes nothing and is called all the time.
_HARMLESS = frozenset({"dependencies", "machine"})


class Point(NamedTuple):
    """
    The process dies at the call with this number of `call` (port and method), before it or after it.

    With `about`, only calls count whose arguments name one of these things.
    """

    call: str
    after: bool
    number: int = 1
    about: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} {self.call} {self.number}"


@dataclass
class Orders:
    """Where a running process is told its point; it counts the calls from then on."""

    path: Path

    def give(self, point: Point) -> None:
        """Have the process die at the point."""
        # Renamed into place: the process must not read half an order.
        written = self.path.with_suffix(".new")
        written.write_text(json.dumps(point))
        written.replace(self.path)

    def clear(self) -> None:
        """Let every process live."""
        self.path.unlink(missing_ok=True)

    def read(self) -> Point | None:
        """Return the point, while there is one."""
        try:
            *point, about = json.loads(self.path.read_text())
        except FileNotFoundError:
            return None
        return Point(*point, tuple(about))


@dataclass
class Doom:
    """The fate of a real process: it meets every call, and ends the process at the point that was ordered."""

    orders: Orders
    _met: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def meet(self, call: str, effect: partial[Any]) -> Any:
        """Make a call, unless the process dies before."""
        point = self._due(call, repr((effect.args, effect.keywords)))
        if point and not point.after:
            _die()
        result = effect()
        if point and point.after:
            _die()
        return result

    async def meet_async(self, call: str, arguments: str, effect: Callable[[], Awaitable[Any]]) -> Any:
        """Await a call, unless the process dies before."""
        point = self._due(call, arguments)
        if point and not point.after:
            _die()
        result = await effect()
        if point and point.after:
            _die()
        return result

    def _due(self, call: str, arguments: str) -> Point | None:
        point = self.orders.read()
        if point is None or point.call != call or not _names_one(point.about, arguments):
            return None
        with self._lock:
            self._met += 1
            return point if self._met == point.number else None


def doom(orders: Orders) -> None:
    """
    Put a fate around every port of this process, before the app starts.

    Two names are no ports: `ingress.put` stores a notification, which builds a queue of its own, and `delete.` with a
    queue's name is the host's last word about a message.
    """
    fate = Doom(orders)
    real_outside, gather, delete = outside.outside_of, bootstrap.gather, StorageQueue.delete

    def doomed_outside(*arguments: Any) -> Outside:
        real = real_outside(*arguments)
        ports = {port.name for port in fields(real)} - _HARMLESS
        return replace(real, **{port: _mortal(getattr(real, port), fate, port) for port in ports})

    async def doomed_delete(queue: StorageQueue, message: Any) -> None:
        body = base64.b64decode(message.text).decode()
        await fate.meet_async(f"delete.{queue.name}", body, partial(delete, queue, message))

    outside.outside_of = doomed_outside
    bootstrap.gather = lambda queue: gather(_mortal(queue, fate, "ingress"))
    StorageQueue.delete = doomed_delete  # type: ignore[method-assign]  # the host has no port to stand before


def _mortal(real: Any, fate: Doom, port: str) -> Any:
    """Return a port of which every public method is an effect."""
    methods = {name: f"{port}.{name}" for name in dir(real) if not name.startswith("_")}
    return Mortal(real, fate, methods)


def _names_one(about: Sequence[str], arguments: str) -> bool:
    return not about or re.search(rf"\b({'|'.join(map(re.escape, about))})\b", arguments) is not None


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    # The signal is on its way; nothing further may happen before it is here.
    threading.Event().wait()
