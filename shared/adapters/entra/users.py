"""Has users sign in, and refreshes what they granted; each call stands for itself, and nothing is kept."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.adapters.entra.http import Transport, session
from shared.domain.clouds import ENDPOINTS
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Clock
from shared.ports.sign_ins import Begun, Refreshed, SignedIn
from shared.ports.vault import Vault

if TYPE_CHECKING:
    from shared.adapters.entra.delegation import Delegation


class EntraUsers:
    """Speaks for applications that users sign in to; `login_url`, where given, stands for every cloud's own."""

    def __init__(
        self,
        secrets: Vault,
        clock: Clock,
        *,
        login_url: str | None = None,
        timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._login_url = login_url
        self._timeout = timeout
        self._session = session()

    def begin(self, app: OAuth2App, redirect_url: str, *, state: str, login_hint: str | None) -> Begun:
        """Begins a sign-in; raises SignInRefused or TryLater."""
        return self._delegation(app).begin(redirect_url, state=state, login_hint=login_hint)

    def finish(self, app: OAuth2App, flow: Mapping[str, Any], answer: Mapping[str, str]) -> SignedIn:
        """Ends a sign-in with what the user's browser brought back."""
        return self._delegation(app).finish(flow, answer)

    def adopt(self, app: OAuth2App, refresh_token: str) -> SignedIn:
        """Returns who made a sign-in elsewhere, and takes it over."""
        return self._delegation(app).adopt(refresh_token)

    def refresh(self, app: OAuth2App, refresh_token: str) -> Refreshed:
        """Returns a fresh access token for the user's mail."""
        return self._delegation(app).refresh(refresh_token)

    def _delegation(self, app: OAuth2App) -> "Delegation":
        # MSAL costs a cold start a tenth of a second, which Graph's handshake need not wait for.
        from shared.adapters.entra.conversation import Conversation  # noqa: PLC0415  see the line above
        from shared.adapters.entra.delegation import Delegation  # noqa: PLC0415  the same

        transport = Transport(self._session, self._timeout)
        login_url = self._login_url or ENDPOINTS[app.cloud].login_url
        return Delegation(Conversation(app, self._secrets, self._clock, transport, login_url))
