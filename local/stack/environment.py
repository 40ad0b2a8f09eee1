"""The environment of the function app in a stack: every setting of the product, and nothing of the person's own."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.stack.keys import Keys
from shared.settings import Settings, variable

_LOOPBACK = "localhost,127.0.0.1,::1"


@dataclass(frozen=True)
class Surroundings:
    """What the function app works with; `more` are further settings."""

    storage: str
    vault: Path
    service_url: str
    m365_url: str
    authority: Path
    keys: Keys
    more: Mapping[str, str] = field(default_factory=dict)


def environment(around: Surroundings) -> dict[str, str]:
    """Returns the variables of the function app's process."""
    settings = {
        "AzureWebJobsStorage": around.storage,
        "VAULT_FILE": str(around.vault),
        "CLIENT_STATE_KEYS": around.keys.client_state_keys,
        "API_TOKEN": around.keys.api_token,
        "SERVICE_URL": around.service_url,
        "LOGIN_URL": around.m365_url,
        "GRAPH_URL": around.m365_url,
        # The receiver is on loopback, which the product refuses unless it is told otherwise, as here.
        "WEBHOOK_ALLOW_HTTP": "true",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
    }
    machine = {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        "REQUESTS_CA_BUNDLE": str(around.authority),
        "SSL_CERT_FILE": str(around.authority),
        "NO_PROXY": _LOOPBACK,
        "no_proxy": _LOOPBACK,
    }
    # Set and empty, a variable hides what local.settings.json says of it: that file is for `make serve`.
    unset = {variable(name): "" for name in Settings.model_fields}
    return {**os.environ, **unset, **settings, **around.more, **machine}
