"""How mailboxes are watched: connected, subscribed to and swept through Graph, or handed to the sidecar."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.group_commit import GroupCommit, as_commit
from shared.ports.microsoft365 import EndpointProbe
from shared.ports.outside import Outside
from shared.services.assembly.memory import RECORD_TTL, Memory
from shared.services.assembly.options import Options
from shared.services.assembly.users import assemble_users
from shared.services.connections import Connections, looking
from shared.services.grants import Grants
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup
from shared.services.relocations import Relocations
from shared.services.renewals import Renewals
from shared.services.sweeps import Sweeps
from shared.services.watching import Watching


@dataclass(frozen=True)
class Mailboxes:
    """What keeps an eye on mailboxes, and what opens them."""

    grants: Grants
    watching: Watching
    renewals: Renewals
    relocations: Relocations
    sweeps: Sweeps
    connections: Connections


def assemble_mailboxes(
    outside: Outside, options: Options, memory: Memory, *, settings: InstanceSettingsService
) -> Mailboxes:
    """Returns what watches mailboxes."""
    machine = outside.machine
    due_rows = GroupCommit(as_commit(outside.due.put_all), full=100, name="put-due")
    users = assemble_users(outside, memory.apps, pace=options.row_pace)
    renewals = Renewals(
        accounts=outside.accounts,
        apps=memory.apps,
        subscriptions=outside.subscriptions,
        quotas=memory.quotas,
        client_states=options.client_states,
        due_rows=due_rows,
        jobs=outside.jobs,
        machine=machine,
    )
    relocations = Relocations(
        accounts=outside.accounts,
        apps=memory.apps,
        subscriptions=outside.subscriptions,
        quotas=memory.quotas,
        client_states=options.client_states,
        renewals=renewals,
        settings=settings,
        reachable=Lookup(_reached(outside.endpoint), machine.clock, RECORD_TTL),
        jobs=outside.jobs,
        machine=machine,
    )
    sweeps = Sweeps(
        accounts=outside.accounts,
        apps=memory.apps,
        history=outside.history,
        cursors=outside.cursors,
        sightings=outside.sightings,
        client_states=options.client_states,
        settings=settings,
        changes=outside.changes,
        jobs=outside.jobs,
        due_rows=due_rows,
        machine=machine,
        interval=options.sweep_interval,
        poll=options.poll_interval,
        folders=options.watched_folders,
        sightings_kept=options.retention,
    )
    connections = Connections(
        accounts=outside.accounts,
        apps=memory.apps,
        mailboxes=outside.mailboxes,
        folders=outside.folders,
        subscriptions=outside.subscriptions,
        quotas=memory.quotas,
        client_states=options.client_states,
        renewals=renewals,
        sweeps=sweeps,
        settings=settings,
        standings=users.standings,
        looks=looking(outside.jobs, pace=options.row_pace),
        jobs=outside.jobs,
        machine=machine,
    )
    return Mailboxes(users.grants, users.watching, renewals, relocations, sweeps, connections)


def _reached(endpoint: EndpointProbe) -> Callable[[str], str]:
    def reach(service_url: str) -> str:
        endpoint.reach(service_url)
        return service_url

    return reach
