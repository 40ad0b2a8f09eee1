"""The sidecar's part: what it watches mailboxes of users with, and how it was told to."""

from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Machine
from shared.ports.metrics import Gauges
from shared.ports.queues import ChangeQueue
from shared.ports.records import Stored
from shared.ports.sidecar import MirrorStore, ShardStore, WatchStore
from shared.ports.state import AccountStore
from shared.services.grants import Grants
from shared.services.lookups import Lookup
from shared.services.watching import Watching


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """
    What the sidecar needs.

    *imap_server* and *smtp_server* take the place of each cloud's own; without *keys* it serves no mail.
    """

    accounts: AccountStore
    watching: Watching
    grants: Grants
    apps: Lookup[Stored[OAuth2App] | None]
    shards: ShardStore
    watches: WatchStore
    mirrors: MirrorStore
    changes: ChangeQueue
    machine: Machine
    gauges: Gauges
    lease: timedelta
    poll: timedelta
    places: int
    logins_per_second: float
    port: int
    imap_server: tuple[str, int] | None
    smtp_server: tuple[str, int] | None
    keys: tuple[str, ...] = field(repr=False)
