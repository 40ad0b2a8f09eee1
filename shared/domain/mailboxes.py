"""Mailboxes: how Graph counts the requests to one, and as what an account opens one."""

from dataclasses import dataclass

from shared.domain.accounts import Account
from shared.domain.oauth2 import OAuth2App


@dataclass(frozen=True, slots=True)
class Registration:
    """An account by its key, and which of the registrations under it: the sidecar finds the rest in the row."""

    account: str
    incarnation: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox, the application that opens it, and the registration in whose name."""

    app: OAuth2App
    user: str
    registration: Registration


def registration_of(account: Account) -> Registration:
    """Returns what names the registration of *account*."""
    return Registration(account.key, account.incarnation)


def mailbox_of(account: Account, app: OAuth2App) -> Mailbox:
    """Returns the mailbox of *account*, which signs in through *app*."""
    return Mailbox(app, account.user, registration_of(account))


def mailbox_key(app: OAuth2App, user: str) -> str:
    """Returns what names the mailbox of *user*: the same for each of our records that leads an application to it."""
    # https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
    return f"{app.tenant}/{app.client_id}/{user.casefold()}"
