"""
Jobs: what must be done in the background, mostly for an account.

A message of the queue `jobs` holds one, or a batch of them: a timer has thousands at a time, and each message costs a
put, a delivery and a deletion.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import TypeAdapter

from shared.domain.erasures import Erasure
from shared.domain.models import Carried, OrNewer
from shared.domain.replays import Replay


class JobKind(StrEnum):
    """
    What a job does.

    It (re)connects or disconnects an account, forgets a deleted one, does what Graph's lifecycle asks, has Graph call
    another address of ours, replays, tells that an application's credential expires, or erases what is kept of an
    account.
    """

    CONNECT = "connect"
    RECONNECT = "reconnect"
    DISCONNECT = "disconnect"
    PURGE = "purge"
    REAUTHORIZE = "reauthorize"
    RECREATE = "recreate"
    CATCH_UP = "catchUp"
    SWEEP = "sweep"
    RENEW = "renew"
    RELOCATE = "relocate"
    REPLAY = "replay"
    EXPIRY = "expiry"
    ERASE = "erase"


class Job(Carried):
    """
    One job.

    `incarnation` names the registration that is meant, `subscription` the one that Graph spoke of; a job whose object
    is another one by now finds nothing to do. `at` names the sweep or the notice that is due; `link` the page at
    which a catch-up goes on, in which `folder`, and of which `mailbox`: the account may have moved to another since.
    A `replay` is about a webhook, an expiry about an `app`; their account is "".
    """

    v: int = 1
    kind: OrNewer[JobKind]
    account: str = ""
    app: str | None = None
    incarnation: str | None = None
    subscription: str | None = None
    at: datetime | None = None
    folder: str | None = None
    link: str | None = None
    mailbox: str | None = None
    replay: Replay | None = None
    erasure: Erasure | None = None


class JobBatch(Carried):
    """Jobs that travel in one message; whoever takes it does them one after the other."""

    v: int = 1
    jobs: tuple[Job, ...]


_MESSAGE: TypeAdapter[Job | JobBatch] = TypeAdapter(Job | JobBatch)


def jobs_of(message: bytes | str) -> tuple[Job, ...]:
    """Returns the jobs that a message of the queue holds."""
    held = _MESSAGE.validate_json(message)
    return held.jobs if isinstance(held, JobBatch) else (held,)
