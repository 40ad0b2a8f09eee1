"""
The parts of a stack and the order in which they come up: storage, Microsoft 365, receiver, function app.

Where users sign in, their mail server and the sidecar stand beside them.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import azurite
from local.dovecot.server import Dovecot
from local.m365 import certificates
from local.m365.control import Microsoft365
from local.receiver import Received, Receiver, receiving
from local.stack import ports, users
from local.stack.api import Api
from local.stack.children import Child, child
from local.stack.environment import Surroundings, environment
from local.stack.keys import Keys, kept
from local.stack.storage import storage

APP_LOG = "app.log"
SIDECAR_LOG = "sidecar.log"


@dataclass(frozen=True)
class Plan:
    """
    Where a stack lives: `home` keeps its keys, certificates and logs, `scratch` what must not outlive it.

    A port that is None is a free one. With `users` there is a mail server for users who sign in, and the sidecar.
    """

    home: Path
    scratch: Path
    port: int | None = None
    m365_port: int | None = None
    azurite_ports: azurite.Ports | None = None
    azurite_options: Sequence[str] = ("--silent",)
    users: bool = False


@dataclass(frozen=True)
class Stack:
    """A stack that runs."""

    home: Path
    keys: Keys
    api: Api
    m365: Microsoft365
    authority: Path
    receiver: Receiver
    app: Child
    children: Sequence[Child]
    dovecot: Dovecot | None = None

    def check(self) -> None:
        """Raises StackRefused with the reason where one of the processes has ended."""
        for each in self.children:
            each.check()


@contextmanager
def running(plan: Plan, tell: Callable[[Received], None] = lambda _received: None) -> Iterator[Stack]:
    """Starts every part, and stops them in the opposite order; raises StackRefused where one does not come up."""
    port, m365_port = plan.port or ports.free(), plan.m365_port or ports.free()
    ports.demand(port, "the function app", "choose another one: make run PORT=7072")
    ports.demand(m365_port, "the simulated Microsoft 365", "have everything on free ports: make run ONCE=1")
    plan.home.mkdir(parents=True, exist_ok=True)
    keys = kept(plan.home / "keys.json")
    files = certificates.make(plan.home / "certificates")
    url, m365_url = f"http://{ports.HOST}:{port}", f"https://localhost:{m365_port}"
    with ExitStack() as parts:
        where = plan.azurite_ports or azurite.free_ports()
        emulator = parts.enter_context(storage(where, log=plan.home / "azurite.log", options=plan.azurite_options))
        m365 = parts.enter_context(
            child("The simulated Microsoft 365", m365_command(files, m365_port), log=plan.home / "m365.log")
        )
        receiver = parts.enter_context(receiving(keys.service_secret, tell=tell))
        emulator.wait()
        m365.wait_until(lambda: ports.answers(m365_port))
        control = Microsoft365(m365_url, files.authority)
        mail = parts.enter_context(users.mail_server(control, keys.sidecar_key)) if plan.users else None
        around = Surroundings(
            storage=emulator.connection_string,
            vault=plan.scratch / "vault",
            service_url=url,
            m365_url=m365_url,
            authority=files.authority,
            keys=keys,
            more=mail.of_app() if mail else {},
        )
        variables = environment(around)
        command = host_command(port, plan.scratch / "host")
        app = parts.enter_context(child("The function app", command, log=plan.home / APP_LOG, environment=variables))
        sidecar = [parts.enter_context(users.sidecar(mail, variables, plan.home / SIDECAR_LOG))] if mail else []
        api = Api(url, keys.api_token)
        app.wait_until(api.is_up)
        yield Stack(
            home=plan.home,
            keys=keys,
            api=api,
            m365=control,
            authority=files.authority,
            receiver=receiver,
            app=app,
            children=(emulator.child, m365, app, *sidecar),
            dovecot=mail.dovecot if mail else None,
        )


def m365_command(files: certificates.Certificates, port: int) -> list[str]:
    """Returns how to start the simulated Microsoft 365."""
    command = [sys.executable, "-m", "local.m365", "--port", str(port)]
    return [*command, "--cert", str(files.certificate), "--key", str(files.key)]


def host_command(port: int, state: Path) -> list[str]:
    """Returns how to start the Functions host on this repository's app."""
    return [sys.executable, "-m", "local.host", "--port", str(port), "--state", str(state)]
