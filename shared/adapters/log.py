"""
The log: one JSON line per unit of work, on the logger `relay365`, which the Functions host collects.

Fields are named, never interpolated, so that a query finds them; values that are no plain data are written as text.

The Functions worker collects every logger from Information on, and the vendors' libraries tell each request there, with
its address and headers: pages for one unit of work, and queries with keys of rows. Of theirs only warnings are wanted,
and of urllib3 only errors, since its warnings show an address with its query.
"""

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.ports.machine import Log


_LIBRARIES = {"azure": logging.WARNING, "msal": logging.WARNING, "requests": logging.WARNING, "urllib3": logging.ERROR}


class JsonLog:
    """Writes events to Python's logging."""

    def __init__(self) -> None:
        self._logger = logging.getLogger("relay365")
        for name, level in _LIBRARIES.items():
            library = logging.getLogger(name)
            if library.level == logging.NOTSET:
                library.setLevel(level)

    def event(self, name: str, **fields: object) -> None:
        """Writes the event *name* with its fields."""
        if self._logger.isEnabledFor(logging.INFO):
            self._logger.info("%s", _line(name, fields))

    def problem(self, name: str, **fields: object) -> None:
        """Writes an event that an operator should look at."""
        self._logger.warning("%s", _line(name, fields))


class Tee:
    """Tells every one of several logs, in their order."""

    def __init__(self, logs: "Sequence[Log]") -> None:
        self._logs = logs

    def event(self, name: str, **fields: object) -> None:
        """Writes the event *name* to each of them."""
        for log in self._logs:
            log.event(name, **fields)

    def problem(self, name: str, **fields: object) -> None:
        """Writes an event that an operator should look at to each of them."""
        for log in self._logs:
            log.problem(name, **fields)


def _line(name: str, fields: dict[str, object]) -> str:
    told = {key: value for key, value in fields.items() if value is not None}
    return json.dumps({"event": name, **told}, default=str, ensure_ascii=False, separators=(",", ":"))
