"""Watches: which mailboxes the sidecar keeps open; the account's row says the rest."""

from shared.domain.accounts import Account
from shared.domain.models import Carried


class Watch(Carried):
    """
    An account of a grant; `incarnation` tells apart two registrations under one key.

    `look` is another one each time that somebody wants the mailbox looked at anew.
    """

    account: str
    incarnation: str
    grant: str
    look: str = ""


def watch_of(account: Account, look: str = "") -> Watch:
    """Returns the watch of an account that has a grant."""
    return Watch(account=account.key, incarnation=account.incarnation, grant=account.grant or "", look=look)


def is_same(watch: Watch, other: Watch) -> bool:
    """Tells whether two watches are of the same registration under the same grant."""
    return (watch.account, watch.incarnation, watch.grant) == (other.account, other.incarnation, other.grant)
