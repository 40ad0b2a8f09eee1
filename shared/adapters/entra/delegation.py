"""One user's sign-in to one application, and the refreshing of what it brought, through MSAL."""

import warnings
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import requests
from msal.exceptions import MsalServiceError

from shared.adapters.entra.conversation import Conversation
from shared.adapters.entra.errors import Refusal, refusal
from shared.adapters.entra.id_tokens import IdTokenInvalid, proved_email, verified
from shared.adapters.entra.user_errors import read_code_refusal, read_grant_refusal, read_return
from shared.domain.clouds import ENDPOINTS
from shared.domain.errors import RelayError, SignInRefused, TryLater
from shared.domain.oauth2 import OAuth2App
from shared.domain.scopes import SIGN_IN, scopes_of, token_scopes
from shared.ports.sign_ins import Begun, Refreshed, SignedIn

_BEGIN_AGAIN = "Begin the sign-in again."
_NO_REFRESH = "Add the delegated permission offline_access to the application, and let the user sign in again."
_NOT_PROVED = "Begin the sign-in again; where it stays so, check the application's cloud and this machine's clock."
#: What MSAL needs of an answer. The rest came through a browser, and MSAL would trust some of it.
_ANSWER = ("state", "code")
# Why not form_post, see `begin`; the log need not hear of it at every sign-in.
warnings.filterwarnings("ignore", message="response_mode='form_post' is recommended", category=UserWarning)


class Delegation:
    """Serves one call and is thrown away: MSAL keeps tokens and refusals, which are not its business here."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._app = conversation.app

    def begin(self, redirect_url: str, *, state: str, login_hint: str | None) -> Begun:
        """Returns the link for the user, with PKCE and a nonce."""
        # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-authorization-code
        # The answer comes in the query of GET /oauth, EmailEngine's callback, and not as the form that MSAL recommends:
        # a POST from Microsoft's site would bring no SameSite=Lax cookie, and so not prove the browser. PKCE makes the
        # code in the address useless to who reads it, and it counts once.
        flow = self._asked(
            lambda msal: msal.initiate_auth_code_flow(
                _for_msal(scopes_of(self._app)),
                redirect_uri=redirect_url,
                state=state,
                login_hint=login_hint,
                prompt="select_account",
                response_mode="query",
            ),
            read_code_refusal,
        )
        return Begun(url=flow["auth_uri"], flow=flow)

    def finish(self, flow: Mapping[str, Any], answer: Mapping[str, str]) -> SignedIn:
        """Redeems the code and checks who signed in."""
        if answer.get("state") != flow.get("state"):
            raise SignInRefused("The answer belongs to another sign-in.", reason="StateMismatch", mend=_BEGIN_AGAIN)
        if not answer.get("code"):
            url = f"{self._conversation.authority}/oauth2/v2.0/authorize"
            raise read_return(refusal(url, scopes_of(self._app), requests.codes.ok, dict(answer)))
        given = {name: answer[name] for name in _ANSWER}
        # Only what was asked for then: the application may have changed meanwhile.
        scopes = [scope for scope in _for_msal(token_scopes(self._app)) if scope in flow.get("scope", ())]
        try:
            got = self._asked(
                lambda msal: msal.acquire_token_by_auth_code_flow(dict(flow), given, scopes=scopes), read_code_refusal
            )
        except RuntimeError as exc:
            # What MSAL raises for a nonce that is not the one of this sign-in.
            raise _not_proved("its nonce is another one") from exc
        if "refresh_token" not in got:
            raise SignInRefused("The sign-in brought no refresh token.", reason="NoRefreshToken", mend=_NO_REFRESH)
        return self._signed_in(got)

    def adopt(self, refresh_token: str) -> SignedIn:
        """Refreshes a sign-in that was made elsewhere, with the id token that tells whose it is."""
        # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#refresh-the-access-token
        scope = [*token_scopes(self._app), *SIGN_IN]
        got = self._refreshed(refresh_token, scope)
        return self._signed_in({"refresh_token": refresh_token, **got})

    def _signed_in(self, got: Mapping[str, Any]) -> SignedIn:
        claims = self._identity(str(got.get("id_token", "")))
        return SignedIn(
            tenant=claims["tid"],
            user=claims["oid"],
            username=claims["preferred_username"],
            name=claims.get("name"),
            email=proved_email(claims, self._app.tenant),
            access_token=got["access_token"],
            refresh_token=got["refresh_token"],
            expires=self._conversation.clock.now() + timedelta(seconds=int(got["expires_in"])),
            scopes=tuple(str(got.get("scope", "")).split()),
        )

    def refresh(self, refresh_token: str) -> Refreshed:
        """
        Returns fresh tokens for what was granted.

        Without a scope Entra ID takes the granted ones, and where they are of several resources `.default` takes those
        of mail servers. To name what the application asks for today would end every grant on the day on which somebody
        adds an extra scope.
        """
        # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#refresh-the-access-token
        single = set(token_scopes(self._app)) == set(scopes_of(self._app))
        scope = None if single else [f"{ENDPOINTS[self._app.cloud].outlook_url}/.default"]
        got = self._refreshed(refresh_token, scope)
        return Refreshed(
            access_token=got["access_token"],
            refresh_token=got.get("refresh_token"),
            expires=self._conversation.clock.now() + timedelta(seconds=int(got["expires_in"])),
            scopes=tuple(str(got.get("scope", "")).split()),
        )

    def _refreshed(self, refresh_token: str, scope: list[str] | None) -> dict[str, Any]:
        return self._asked(
            # MSAL's public method can neither leave the scope out nor ask for an id token, its client can.
            lambda msal: msal.client.obtain_token_by_refresh_token(
                refresh_token, scope=scope, on_updating_rt=False, on_removing_rt=lambda _token: None
            ),
            read_grant_refusal,
            grant="refresh_token",
        )

    def _asked(
        self,
        ask: Callable[[Any], dict[str, Any]],
        read: Callable[[Refusal, OAuth2App, Any], RelayError],
        *,
        grant: str = "authorization_code",
    ) -> dict[str, Any]:
        conversation = self._conversation
        cause: Exception | None = None
        got: dict[str, Any] = {}
        try:
            got = ask(conversation.msal())
        except (requests.RequestException, MsalServiceError, ValueError) as exc:
            # ValueError: a discovery that was refused, for an unknown tenant, or an answer that is no JSON.
            cause = exc
        if cause is None and "error" not in got:
            return got
        found = conversation.heard(grant, token_scopes(self._app), got)
        raise read(found, self._app, conversation.clock.now()) from cause

    def _identity(self, id_token: str) -> dict[str, Any]:
        conversation = self._conversation
        published = self._read(f"{conversation.authority}/v2.0/.well-known/openid-configuration")
        try:
            claims = verified(
                id_token,
                client_id=self._app.client_id,
                issuer=str(published.get("issuer")),
                keys=self._read(str(published.get("jwks_uri"))).get("keys", ()),
                now=conversation.clock.now(),
            )
        except IdTokenInvalid as exc:
            raise _not_proved(str(exc)) from exc
        if not all(isinstance(claims.get(name), str) for name in ("tid", "oid", "preferred_username")):
            raise _not_proved("it does not tell who signed in")
        return claims

    def _read(self, url: str) -> dict[str, Any]:
        try:
            answer = self._conversation.transport.get(url)
            answer.raise_for_status()
            found = answer.json()
        except (requests.RequestException, ValueError) as exc:
            raise TryLater(f"Entra ID does not tell its keys at {url}.") from exc
        return found if isinstance(found, dict) else {}


def _for_msal(scopes: tuple[str, ...]) -> list[str]:
    # MSAL adds the sign-in's own scopes, and takes them from nobody else.
    return [scope for scope in scopes if scope.lower() not in SIGN_IN]


def _not_proved(why: str) -> SignInRefused:
    return SignInRefused(
        f"Entra ID's id token does not prove who signed in: {why}.", reason="IdTokenInvalid", mend=_NOT_PROVED
    )
