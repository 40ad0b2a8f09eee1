"""The sidecar's part: storage, vault, Entra for users, and nothing of Graph."""

from datetime import timedelta

from shared.adapters.entra.users import EntraUsers
from shared.adapters.storage.queues import StorageChangeQueue, StorageJobQueue
from shared.adapters.storage.tables.accounts import AccountTable
from shared.adapters.storage.tables.grants import GrantTable
from shared.adapters.storage.tables.mirrors import MirrorTable
from shared.adapters.storage.tables.oauth2_apps import OAuth2AppTable
from shared.adapters.storage.tables.watches import ShardTable, WatchTable
from shared.domain.tallies import Role
from shared.ports.outside import OutsideOfUsers
from shared.services.assembly.memory import RECORD_TTL
from shared.services.assembly.users import assemble_users
from shared.services.lookups import Lookup
from shared.services.sidecar import Sidecar
from shared.settings import Settings
from shared.wiring.log import log_of, tally_of
from shared.wiring.machine import machine_of
from shared.wiring.replacements import Replacements
from shared.wiring.storage import storage_of
from shared.wiring.vault import vault_of


def sidecar_of(settings: Settings, replaced: Replacements) -> Sidecar:
    """Returns the sidecar's part on *settings*, with the outside of *replaced* where it names any."""
    connection = storage_of(settings)
    machine = machine_of(replaced.log or log_of(settings, Role.SIDECAR), replaced.clock)
    vault, _ = vault_of(settings, machine.clock, replaced.vault)
    outside = OutsideOfUsers(
        machine=machine,
        accounts=AccountTable(connection),
        apps=OAuth2AppTable(connection),
        grants=GrantTable(connection),
        watches=WatchTable(connection),
        mirrors=MirrorTable(connection),
        vault=vault,
        changes=StorageChangeQueue(connection),
        jobs=StorageJobQueue(connection),
        grant_tokens=replaced.grant_tokens or EntraUsers(vault, machine.clock, login_url=settings.login_url),
    )
    apps = Lookup(outside.apps.get, machine.clock, RECORD_TTL)
    users = assemble_users(outside, apps)
    return Sidecar(
        accounts=outside.accounts,
        watching=users.watching,
        grants=users.grants,
        apps=apps,
        shards=ShardTable(connection),
        watches=outside.watches,
        mirrors=outside.mirrors,
        changes=outside.changes,
        machine=machine,
        gauges=tally_of(connection, Role.SIDECAR),
        lease=timedelta(seconds=settings.sidecar_lease_seconds),
        poll=timedelta(seconds=settings.sidecar_poll_seconds),
        places=settings.sidecar_sessions,
        logins_per_second=settings.sidecar_logins_per_second,
        port=settings.sidecar_port,
        imap_server=_host_and_port(settings.imap_server),
        smtp_server=_host_and_port(settings.smtp_server),
        keys=settings.sidecar_keys,
    )


def _host_and_port(server: str | None) -> tuple[str, int] | None:
    if server is None:
        return None
    host, _, port = server.rpartition(":")
    return host, int(port)
