"""Authorization codes and refresh tokens: what was granted to whom, until when, and what was taken back."""

import secrets
import time
from dataclasses import dataclass

from local.m365.directory import Application, User
from local.m365.entra_errors import EntraError


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user let an application do; `scopes` is the text that it asked with."""

    client_id: str
    user: User
    scopes: str


@dataclass(slots=True)
class Code:
    """An authorization code, with what must be the same when it is redeemed."""

    grant: Grant
    redirect_uri: str
    challenge: str
    method: str
    nonce: str
    expires: float
    redeemed: bool = False


@dataclass(slots=True)
class RefreshToken:
    """A refresh token; `refusal` is the AADSTS code that it is refused with since it was taken back."""

    grant: Grant
    expires: float
    refusal: int | None = None


class Grants:
    """Keeps codes and refresh tokens by value. Using a refresh token makes another one and leaves it as it is."""

    def __init__(self) -> None:
        self._codes: dict[str, Code] = {}
        self._tokens: dict[str, RefreshToken] = {}

    def add_code(self, code: Code) -> str:
        """Keeps a code and returns its value."""
        value = f"1.A{secrets.token_urlsafe(90)}"
        self._codes[value] = code
        return value

    def redeem(self, value: str, client_id: str) -> Code:
        """Returns the code, once."""
        # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-access-token-with-a-client_secret
        code = self._codes.get(value)
        if code is None:
            raise EntraError(9002313)
        if code.redeemed:
            raise EntraError(54005)
        if code.grant.client_id != client_id:
            raise EntraError(70000, "The code was issued to another application.")
        code.redeemed = True
        if code.expires <= time.time():
            raise EntraError(70008)
        return code

    def add_refresh_token(self, grant: Grant, lifetime: float) -> str:
        """Makes a refresh token."""
        value = f"1.R{secrets.token_urlsafe(120)}"
        self._tokens[value] = RefreshToken(grant, time.time() + lifetime)
        return value

    def refresh(self, value: str, application: Application) -> Grant:
        """Returns what a refresh token stands for, or says why it does not any more."""
        token = self._tokens.get(value)
        if token is None:
            raise EntraError(9002313)
        if token.grant.client_id != application.client_id:
            raise EntraError(70000, "The refresh token was issued to another application.")
        if token.refusal is not None:
            raise EntraError(token.refusal)
        if token.expires <= time.time():
            raise EntraError(700082)
        return token.grant

    def revoke(self, user: str, client_id: str | None, code: int) -> int:
        """Takes the user's refresh tokens back, those of one application or all; returns how many."""
        taken = 0
        for token in self._tokens.values():
            ours = token.grant.user.id == user and client_id in {None, token.grant.client_id}
            if ours and token.refusal is None:
                token.refusal = code
                taken += 1
        return taken

    def reset(self) -> None:
        """Forgets everything."""
        self._codes.clear()
        self._tokens.clear()
