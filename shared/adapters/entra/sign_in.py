"""One application's sign-in, through MSAL."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msal
import requests
from msal.exceptions import MsalServiceError

from shared.adapters.entra.credentials import client_credential
from shared.adapters.entra.errors import read_refusal, refusal
from shared.adapters.entra.http import Transport
from shared.domain.deliveries import read_retry_after
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
    """
    Signs one revision of one application in.

    One thread at a time. After a failure it is thrown away, and its MSAL application with it: MSAL answers from an HTTP
    400 for a minute, so that a consent given meanwhile would look missing.
    """

    def __init__(self, app: OAuth2App, secrets: Vault, clock: Clock, transport: Transport, login_url: str) -> None:
        self._app = app
        self._secrets = secrets
        self._clock = clock
        self._transport = transport
        self._authority = f"{login_url}/{app.tenant}"
        self._msal: Any = None

    def ask(self, scope: str) -> Granted:
        """Returns a token; raises SignInRefused or TryLater."""
        try:
            if self._msal is None:
                self._msal = self._application()
            answer = self._msal.acquire_token_for_client(scopes=[scope])
        except (requests.RequestException, MsalServiceError, ValueError) as exc:
            # ValueError: a discovery that was refused, for an unknown tenant, or an answer that is no JSON.
            raise self._refused(scope, {}) from exc
        if "access_token" not in answer:
            raise self._refused(scope, answer)
        return _granted(answer)

    def _application(self) -> Any:
        return msal.ConfidentialClientApplication(
            self._app.client_id,
            client_credential=client_credential(self._app, self._secrets, self._transport),
            authority=self._authority,
            http_client=self._transport,
            # Hosts outside of MSAL's list, a private endpoint's say, are no reason to ask the global cloud about them.
            instance_discovery=False,
        )

    def _refused(self, scope: str, answer: Mapping[str, Any]) -> RelayError:
        last = self._transport.last
        if last is None:
            return TryLater(f"Entra ID does not answer at {self._authority}.")
        now = self._clock.now()
        found = refusal(
            f"{self._authority}/oauth2/v2.0/token",
            scope,
            last.status_code,
            answer or _json(last.text),
            retry_after=read_retry_after(last.headers.get("Retry-After"), now),
        )
        return read_refusal(found, self._app, now)


def _granted(answer: Mapping[str, Any]) -> Granted:
    refresh = answer.get("refresh_in")
    return Granted(
        value=str(answer["access_token"]),
        lifetime=timedelta(seconds=int(answer.get("expires_in", 0))),
        refresh=timedelta(seconds=int(refresh)) if refresh else None,
    )


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
