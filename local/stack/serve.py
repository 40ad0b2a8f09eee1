"""`python -m local.stack serve`: the function app and its storage, against the Microsoft 365 that the settings name."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import azurite
from local.host.errors import StartRefused
from local.host.settings import load_local_settings
from local.stack import keys, ports
from local.stack.api import Api
from local.stack.children import ROOT, child
from local.stack.errors import StackRefused
from local.stack.parts import host_command
from local.stack.run import say
from local.stack.storage import storage
from shared import settings

_LOCAL = "local.settings.json"
_EXAMPLE = ROOT / "local.settings.example.json"
_EMULATED = "UseDevelopmentStorage=true"
_STORAGE = "AzureWebJobsStorage"


def serve(state: Path, port: int, folder: Path = ROOT) -> int:
    """Serves with the settings of *folder* until somebody stops it; raises StackRefused for bad ones."""
    if make_settings(folder / _LOCAL):
        say(f"{_LOCAL} was missing, so it was made from the example, with a token and a key of its own.")
    load(folder)
    ports.demand(port, "the function app", "choose another one: make serve PORT=7072")
    with _storage(state):
        try:
            known = settings.read()
        except settings.SettingsRefusedError as refusal:
            raise StackRefused(str(refusal)) from None
        with child("The function app", host_command(port, state / "host"), environment=dict(os.environ)) as app:
            api = Api(f"http://{ports.HOST}:{port}", known.api_tokens[0])
            app.wait_until(api.is_up)
            say(advice(api, known.public_url, known.sidecar_url))
            while True:
                app.check()
                time.sleep(0.5)


def make_settings(path: Path) -> bool:
    """Makes the settings from the example where they are missing; tells whether it did."""
    if path.exists():
        return False
    content = json.loads(_EXAMPLE.read_text(encoding="utf-8"))
    content["Values"] |= {"API_TOKEN": keys.api_token(), "CLIENT_STATE_KEYS": keys.client_state_keys()}
    keys.write_private(path, json.dumps(content, indent=2) + "\n")
    return True


def load(folder: Path) -> None:
    """Puts the settings of a folder into the environment, where a variable of the same name is not set."""
    try:
        load_local_settings(folder)
    except StartRefused as refusal:
        raise StackRefused(str(refusal)) from None


def wants_azurite() -> bool:
    """Tells whether the environment names no storage account but the emulated one."""
    named = os.environ.get(_STORAGE, "")
    identity = any(os.environ.get(f"{_STORAGE}__{part}") for part in ("accountName", "queueServiceUri"))
    return named == _EMULATED or not (named or identity)


def advice(api: Api, public_url: str | None, sidecar_url: str | None = None) -> str:
    """Returns where the API is, and what is still missing for notifications."""
    reach = f"Graph reaches it at {public_url}."
    if public_url is None:
        reach = "Graph cannot reach it yet: set SERVICE_URL to the https address of a tunnel that ends here."
    users = f"Mailboxes of users who sign in are opened by the sidecar at {sidecar_url}."
    if sidecar_url is None:
        users = "Mailboxes of users who sign in wait: set SIDECAR_URL and SIDECAR_KEY, and start `python -m sidecar`."
    return f"""
The relay serves at {api.url}
  its token      {api.token}
  ask the API    curl -H "Authorization: Bearer {api.token}" {api.url}/v1/accounts
  {reach}
  {users}

Ctrl-C stops it.
"""


@contextmanager
def _storage(state: Path) -> Iterator[None]:
    if not wants_azurite():
        yield
        return
    state.mkdir(parents=True, exist_ok=True)
    with storage(azurite.Ports(), log=state / "azurite.log", location=state / "azurite") as emulator:
        emulator.wait()
        os.environ[_STORAGE] = emulator.connection_string
        yield
