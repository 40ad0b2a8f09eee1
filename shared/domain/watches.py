"""Watches: which mailboxes the sidecar keeps open; the account's row says the rest."""

from shared.domain.accounts import Account
from shared.domain.models import Owned


class Watch(Owned):
    """An account of a grant; `incarnation` tells apart two registrations under one key."""

    account: str
    incarnation: str
    grant: str


def watch_of(account: Account) -> Watch:
    """Returns the watch of an account that has a grant."""
    return Watch(account=account.key, incarnation=account.incarnation, grant=account.grant or "")
