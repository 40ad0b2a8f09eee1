"""One application's sign-in, through MSAL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import requests
from msal.exceptions import MsalServiceError

from shared.adapters.entra.conversation import Conversation
from shared.adapters.entra.errors import read_refusal
from shared.adapters.entra.http import Transport
from shared.domain.errors import RelayError, TryLater
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Clock
from shared.ports.vault import Vault


@dataclass(frozen=True, slots=True)
class Granted:
    """A token, how long it is good, and when Entra ID would like to be asked again."""

    value: str
    lifetime: timedelta
    refresh: timedelta | None


class SignIn:
    """Signs one revision of one application in, one thread at a time; after a failure it is thrown away."""

    def __init__(self, app: OAuth2App, secrets: Vault, clock: Clock, transport: Transport, login_url: str) -> None:
        self._conversation = Conversation(app, secrets, clock, transport, login_url)

    def ask(self, scope: str) -> Granted:
        """Returns a token; raises SignInRefused or TryLater."""
        try:
            answer = self._conversation.msal().acquire_token_for_client(scopes=[scope])
        except (requests.RequestException, MsalServiceError, ValueError) as exc:
            # ValueError: a discovery that was refused, for an unknown tenant, or an answer that is no JSON.
            raise self._refused(scope, {}) from exc
        if "access_token" not in answer:
            raise self._refused(scope, answer)
        return _granted(answer)

    def _refused(self, scope: str, answer: Mapping[str, Any]) -> RelayError:
        try:
            found = self._conversation.heard("client_credentials", [scope], answer)
        except TryLater as nothing:
            return nothing
        return read_refusal(found, self._conversation.app, self._conversation.clock.now())


def _granted(answer: Mapping[str, Any]) -> Granted:
    refresh = answer.get("refresh_in")
    return Granted(
        value=str(answer["access_token"]),
        lifetime=timedelta(seconds=int(answer.get("expires_in", 0))),
        refresh=timedelta(seconds=int(refresh)) if refresh else None,
    )
