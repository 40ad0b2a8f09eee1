"""What is said between one application and Entra ID: MSAL speaks, and its transport knows what was heard."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msal

from shared.adapters.entra.credentials import client_credential
from shared.adapters.entra.errors import Refusal, refusal
from shared.adapters.entra.http import Transport
from shared.domain.deliveries import read_retry_after
from shared.domain.errors import TryLater
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Clock
from shared.ports.vault import Vault


class Conversation:
    """
    Holds one revision of one application.

    After a failure it is thrown away, and its MSAL application with it: MSAL answers from an HTTP 400 for a minute, so
    that a consent given meanwhile would look missing.
    """

    def __init__(self, app: OAuth2App, secrets: Vault, clock: Clock, transport: Transport, login_url: str) -> None:
        self.app = app
        self.authority = f"{login_url}/{app.tenant}"
        self.transport = transport
        self.clock = clock
        self._secrets = secrets
        self._msal: Any = None

    def msal(self) -> Any:
        """Returns MSAL's application; its making asks Entra ID for the endpoints."""
        if self._msal is None:
            self._msal = msal.ConfidentialClientApplication(
                self.app.client_id,
                client_credential=client_credential(self.app, self._secrets, self.transport),
                authority=self.authority,
                http_client=self.transport,
                # Hosts outside of MSAL's list, a private endpoint's say, are no reason to ask the global cloud of them.
                instance_discovery=False,
            )
        return self._msal

    def heard(self, grant: str, scopes: Sequence[str], answer: Mapping[str, Any]) -> Refusal:
        """Returns what was refused: *answer*, or what came last; raises TryLater where nothing came."""
        last = self.transport.last
        if last is None:
            raise TryLater(f"Entra ID does not answer at {self.authority}.")
        return refusal(
            f"{self.authority}/oauth2/v2.0/token",
            scopes,
            last.status_code,
            answer or _json(last.text),
            grant=grant,
            retry_after=read_retry_after(last.headers.get("Retry-After"), self.clock.now()),
        )


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
