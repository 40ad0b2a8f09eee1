"""
Grants: one user's sign-in, kept once, however many mailboxes are opened with it.

A grant belongs to an application, a tenant and a user. Signing in again renews it for every account that hangs on it;
a refusal reaches all of them. The refresh token lives in the vault, and `secret` is only the reference to it.
"""

import hashlib
from base64 import b32encode
from datetime import datetime
from enum import StrEnum

from shared.domain.accounts import LastError
from shared.domain.models import Carried, OrNewer

# Enough for thousands of grants a replica, few enough for one query to list who has which.
SHARDS = 64


class GrantState(StrEnum):
    """Whether a grant still opens mailboxes, or its user must sign in again."""

    GOOD = "good"
    REFUSED = "refused"


class Grant(Carried):
    """
    A grant as it is stored.

    `user` is the user's object id in `tenant`, `username` the name that mail servers know. `revision` is another one
    after every sign-in, and `kept` is when the refresh token was last written to the vault. `accounts` are the keys of
    the accounts that hang on it.
    """

    id: str
    app: str
    tenant: str
    user: str
    username: str
    name: str | None = None
    email: str | None = None
    scopes: tuple[str, ...] = ()
    secret: str
    revision: str
    state: OrNewer[GrantState] = GrantState.GOOD
    refusal: LastError | None = None
    accounts: tuple[str, ...] = ()
    kept: datetime
    created: datetime
    updated: datetime


def grant_id(app: str, tenant: str, user: str) -> str:
    """Returns the id of the grant of *user* (an object id) of *tenant* to *app*: 26 characters of [a-z2-7]."""
    digest = hashlib.sha256(f"{app}\n{tenant}\n{user}".lower().encode()).digest()[:16]
    return b32encode(digest).decode().rstrip("=").lower()


def shard_of(grant: str) -> int:
    """Returns the shard, 0 to 63, in which the accounts of *grant* are: all of them in one process."""
    return int.from_bytes(hashlib.sha256(grant.encode()).digest()[:4]) % SHARDS
