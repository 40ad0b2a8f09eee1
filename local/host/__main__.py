"""`python -m local.host`: reads the settings, indexes the app, serves it."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from local.host import index, logs, settings
from local.host.declared import Declared
from local.host.errors import StartRefused
from local.host.serving import Place, serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 after an ordered stop, and 1 when the host cannot start."""
    options = _options(arguments)
    root: Path = options.root.resolve()
    place = Place(
        root=root,
        state=(options.state or root / ".dev" / "state" / "host").resolve(),
        host=options.host,
        port=options.port,
        enable_auth=options.enable_auth,
        lease=timedelta(seconds=options.lease),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))  # until the event loop takes over, nothing is under way
    try:
        settings.load_local_settings(root)
        host_settings = settings.load_host_settings(root)
        logs.configure(host_settings.log_levels)
        functions = index.load(root)
        busy = asyncio.run(_until_signalled(functions, host_settings, place))
    except StartRefused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    if busy:
        # A thread cannot be stopped, and the interpreter would wait for it at its end.
        logging.shutdown()
        os._exit(0)
    return 0


async def _until_signalled(functions: Sequence[Declared], host_settings: settings.HostSettings, place: Place) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await serve(functions, host_settings, place, stop)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description="Runs a function app on this machine.")
    parser.add_argument("--port", type=int, default=7071, help="the port to listen on (7071)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--root", type=Path, default=Path(), help="the folder of function_app.py (this one)")
    parser.add_argument("--state", type=Path, help="where timers and keys are kept (ROOT/.dev/state/host)")
    parser.add_argument("--enable-auth", action="store_true", help="ask for function keys, as Azure does")
    parser.add_argument("--lease", type=float, default=600, help="seconds that a taken message stays hidden (600)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
