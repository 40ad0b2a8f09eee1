"""One line per event on stderr."""

import logging
import sys
from collections.abc import Mapping

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}


def configure(levels: Mapping[str, str]) -> None:
    """Applies `logging.logLevel` of host.json: its categories are logger names, `default` is everyone else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # The SDK logs every call in twenty lines at Information, which would bury the functions' own.
    logging.getLogger("azure").setLevel(logging.WARNING)
    for category, level in levels.items():
        name = "" if category.lower() == "default" else category
        logging.getLogger(name).setLevel(_LEVELS.get(level.lower(), logging.INFO))
