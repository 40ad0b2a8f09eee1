"""The stack's command line."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from local.stack import mail, signals
from local.stack.children import ROOT
from local.stack.errors import StackRefused
from local.stack.run import run, run_once, say
from local.stack.serve import serve

STATE = ROOT / ".dev" / "state"
_RUN = STATE / "run"
_PORT = 7071


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 where everything went well or was stopped, and 1 where the stack cannot do what it is asked."""
    try:
        return _do(_options(arguments))
    except StackRefused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except signals.Stopped:
        say("Stopped.")
        return 0


def _do(options: argparse.Namespace) -> int:
    if options.command == "mail":
        say(mail.send(_RUN / "address.json", options.sender, options.to, options.subject, options.text))
        return 0
    if options.command == "serve":
        return serve(STATE, options.port or _PORT)
    return run_once(options.port, options.logs) if options.once else run(_RUN, options.port or _PORT)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.stack", description="Relay365 on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run", help="the whole journey, with Microsoft 365 simulated")
    runs.add_argument("--once", action="store_true", help="end when every expected webhook came; on free ports")
    runs.add_argument("--logs", type=Path, help="with --once, the folder in which its logs and keys stay")
    serves = commands.add_parser("serve", help="the function app and its storage, for the tenant of the settings")
    for each in (runs, serves):
        port = os.environ.get("PORT") or None
        each.add_argument("--port", type=int, default=port, help=f"the API's port ($PORT, or {_PORT})")
    mails = commands.add_parser("mail", help="deliver a message to the stack that runs")
    mails.add_argument("--to", required=True, help="the mailbox's address")
    mails.add_argument("--subject", default="Hello", help="the subject")
    mails.add_argument("--text", default="Hello,\n\nthis is a message.\n", help="the text")
    mails.add_argument("--from", dest="sender", default="Ada Lovelace <ada@sender.example>", help="the sender")
    return parser.parse_args(arguments)
