"""Users who sign in: the authorization code flow, and the refreshing of what it brought."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from shared.domain.oauth2 import OAuth2App


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that has begun: where the user goes, and what `finish` needs (a secret until then)."""

    url: str
    flow: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """
    Who signed in, and what that brought.

    `user` is the object id in `tenant`, `username` the name that mail servers know, `email` the address where Entra
    tells one.
    """

    tenant: str
    user: str
    username: str
    name: str | None
    email: str | None
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires: datetime
    scopes: tuple[str, ...]


class SignIns(Protocol):
    """Has users sign in to an application."""

    def begin(self, app: OAuth2App, redirect_url: str, *, state: str, login_hint: str | None) -> Begun:
        """Begins a sign-in; raises SignInRefused or TryLater."""

    def finish(self, app: OAuth2App, flow: Mapping[str, Any], answer: Mapping[str, str]) -> SignedIn:
        """
        Ends a sign-in with what the user's browser brought back.

        Raises SignInCancelled where the user went away or declined, SignInRefused where a human must mend something,
        and TryLater; in all these cases nothing was granted.
        """

    def adopt(self, app: OAuth2App, refresh_token: str) -> SignedIn:
        """Returns who made a sign-in elsewhere, and takes it over; raises GrantRefused, SignInRefused or TryLater."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A fresh access token, until `expires`, and the refresh token that takes the former one's place, if any does."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires: datetime
    scopes: tuple[str, ...]


class GrantTokens(Protocol):
    """Refreshes what a user granted."""

    def refresh(self, app: OAuth2App, refresh_token: str) -> Refreshed:
        """
        Returns a fresh access token for the user's mail.

        Raises GrantRefused where the user must sign in again, SignInRefused where the application is at fault, and
        TryLater.
        """
