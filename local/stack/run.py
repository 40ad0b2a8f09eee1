"""`python -m local.stack run`: the whole journey, and then a stack to play with."""

import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from local import azurite
from local.stack import journey, ports, user_journey, users
from local.stack.journal import Journal
from local.stack.mail import Address
from local.stack.parts import APP_LOG, SIDECAR_LOG, Plan, Stack, running

M365_PORT = 8443
_SECONDS = 180.0


def say(text: str) -> None:
    """Tells the person at the terminal at once, whatever stands between."""
    print(text, flush=True)


def run(home: Path, port: int) -> int:
    """Shows the journey and stays up until a process ends, which raises StackRefused, or somebody stops it."""
    address = home / "address.json"
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as afterwards:
        defaults = azurite.Ports()
        usual = all(ports.is_free(each) for each in (defaults.blob, defaults.queue, defaults.table))
        plan = Plan(home, Path(scratch), port, M365_PORT, defaults if usual else None, users=_users())
        journal = Journal(say)
        say("Relay365 on this machine, with Microsoft 365 simulated.")
        stack = afterwards.enter_context(running(plan, journal.arrived))
        afterwards.callback(address.unlink, missing_ok=True)
        failings = _travel(stack, journal)
        if failings:
            say("\n".join(["", "Not everything came:", *(f"  {each}" for each in failings)]))
        _address(stack).write(address)
        say(advice(stack))
        while True:
            stack.check()
            time.sleep(0.5)


def run_once(port: int | None, logs: Path | None = None) -> int:
    """
    Shows the journey in a temporary folder; returns 0 where every expected webhook came and verified, else 1.

    What the processes wrote, and the keys that they had, stay in *logs*.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        journal = Journal(say)
        say("Relay365 on this machine, once, with Microsoft 365 simulated.")
        with running(Plan(home, home / "scratch", port, users=_users()), journal.arrived) as stack:
            failings = _travel(stack, journal)
        if logs is not None:
            _keep(home, logs, "*.log", "keys.json")
        if failings:
            kept = logs or Path(tempfile.mkdtemp(prefix="relay365-"))
            _keep(home, kept, "*.log")
            why = [f"  {each}" for each in failings]
            say("\n".join(["", "Not everything came:", *why, f"The logs are in {kept}."]))
            return 1
        say(f"\nAll {journal.expected} expected webhooks came, and their signatures are right.")
        return 0


def _keep(home: Path, where: Path, *patterns: str) -> None:
    for pattern in patterns:
        for file in home.glob(pattern):
            shutil.copy(file, where)


def advice(stack: Stack) -> str:
    """Returns what a person can do with a stack that runs."""
    url, token = stack.api.url, stack.api.token
    return f"""
The relay runs. Every webhook shows here; in another terminal:

  deliver more   .venv/bin/python -m local.stack mail --to {journey.HELP.address} --subject "Where is my order?"
  ask the API    curl -H "Authorization: Bearer {token}" {url}/v1/accounts
  its token      {token}
  its log        {stack.home / APP_LOG}
{_users_advice(stack) if stack.dovecot else ""}
Ctrl-C stops everything.
"""


def _users_advice(stack: Stack) -> str:
    back = f"{stack.api.url}/health"
    return f"""
  and of users   the same, --to {user_journey.SALES.address}; the sidecar's log is {stack.home / SIDECAR_LOG}
  sign in        connect {user_journey.TEAM.address} yourself, as {user_journey.ANNA.name}. Your browser will ask
                 about the certificate of the simulated Microsoft 365:
                 {user_journey.link(stack, user_journey.TEAM, back)}
"""


def _users() -> bool:
    """Tells whether users' mailboxes are shown, and where they cannot be, says why and how they can."""
    why = users.why_not()
    if why:
        say(f"Without mailboxes of users who sign in: {why}")
    return why is None


def _address(stack: Stack) -> Address:
    mailboxes = [person.address for person in journey.PEOPLE]
    if stack.dovecot is None:
        return Address(stack.m365.url, str(stack.authority), mailboxes)
    theirs = [person.address for person in user_journey.PEOPLE]
    return Address(stack.m365.url, str(stack.authority), mailboxes, stack.dovecot.ports.lmtp, theirs)


def _travel(stack: Stack, journal: Journal) -> list[str]:
    deadline = time.monotonic() + _SECONDS
    say(f"Storage, Microsoft 365, a receiver and the function app are up at {stack.api.url}.\n")
    first = journey.Journey(stack, journal)
    first.register()
    first.mail(deadline)
    if stack.dovecot is not None:
        say(f"\n{user_journey.ANNA.address} signs in, for their own mailbox and a shared one, which IMAP opens.")
        second = user_journey.UserJourney(stack, journal, stack.dovecot)
        second.register()
        second.mail(deadline)
    return journal.failings()
