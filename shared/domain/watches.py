"""Watches: which mailboxes the sidecar keeps open; the account's row says the rest."""

from shared.domain.models import Owned


class Watch(Owned):
    """An account of a grant; `incarnation` tells apart two registrations under one key."""

    account: str
    incarnation: str
    grant: str
