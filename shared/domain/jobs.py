"""Jobs: what must be done for an account in the background, a message of the queue `jobs` each."""

from datetime import datetime
from enum import StrEnum

from shared.domain.models import Owned


class JobKind(StrEnum):
    """What a job does: (re)connect or disconnect an account, forget a deleted one, and what Graph's lifecycle asks."""

    CONNECT = "connect"
    RECONNECT = "reconnect"
    DISCONNECT = "disconnect"
    PURGE = "purge"
    REAUTHORIZE = "reauthorize"
    RECREATE = "recreate"
    CATCH_UP = "catchUp"
    SWEEP = "sweep"
    RENEW = "renew"


class Job(Owned):
    """
    A message of the queue `jobs`.

    `incarnation` names the registration that is meant, `subscription` the one that Graph spoke of; a job whose object
    is another one by now finds nothing to do. `at` names the sweep that is due; `link` (and its `folder`) the page at
    which a catch-up goes on.
    """

    v: int = 1
    kind: JobKind
    account: str
    incarnation: str | None = None
    subscription: str | None = None
    at: datetime | None = None
    folder: str | None = None
    link: str | None = None
