"""`python -m local.stack`: run, serve or mail."""

import sys

from local.stack import signals


def start() -> int:
    """Listens for Ctrl-C before the imports, which take most of a second, and runs the command."""
    signals.listen()
    try:
        from local.stack.cli import main  # noqa: PLC0415  a stop, or a missing package, must find somebody who answers
    except signals.Stopped:
        return 0
    except ModuleNotFoundError as missing:
        print(f"{missing.name} is not installed for {sys.executable}: run `make setup`, then use .venv/bin/python.")
        return 1
    return main()


if __name__ == "__main__":
    sys.exit(start())
