"""How events leave: a change is read, told to the endpoints that the settings name, and told again where it must be."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.domain.instance_settings import InstanceSettings
from shared.domain.retention import LEEWAY
from shared.group_commit import GroupCommit, as_commit
from shared.ports.outside import Outside
from shared.ports.state import InstanceSettingsStore
from shared.services.assembly.memory import SETTINGS_TTL, Memory
from shared.services.assembly.options import Options
from shared.services.backends import RoutedMailboxes
from shared.services.changes import Changes
from shared.services.crowds import Crowds
from shared.services.deliveries import Deliveries
from shared.services.endpoints import Endpoints
from shared.services.folders import Folders
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup
from shared.services.meanings import Meanings
from shared.services.permits import Permits
from shared.services.readings import Readings
from shared.services.recent import RecentEvents
from shared.services.replays import Replays
from shared.services.webhooks import Webhooks


@dataclass(frozen=True)
class Events:
    """What stands between a change and an endpoint."""

    replays: Replays
    webhooks: Webhooks
    settings: InstanceSettingsService
    deliveries: Deliveries
    changes: Changes


def assemble_events(outside: Outside, options: Options, memory: Memory) -> Events:
    """Returns what brings events out."""
    machine = outside.machine
    replays = Replays(
        store=outside.deliveries,
        webhooks=outside.webhooks,
        retries=outside.retries,
        jobs=outside.jobs,
        machine=machine,
        reach=options.payload_retention + LEEWAY,
    )
    webhooks = Webhooks(outside.webhooks, memory.webhooks, replays, outside.vault, machine)
    settings = InstanceSettingsService(
        store=outside.instance,
        webhooks=webhooks,
        vault=outside.vault,
        cached=Lookup(_current(outside.instance), machine.clock, SETTINGS_TTL),
        machine=machine,
        public_url=options.public_url,
        allow_http=options.allow_http,
    )
    deliveries = Deliveries(
        store=outside.deliveries,
        rows=GroupCommit(
            as_commit(outside.deliveries.add), full=100, lanes=4, pace=options.row_pace, name="add-deliveries"
        ),
        retries=outside.retries,
        sender=outside.sender,
        webhook_lookup=memory.webhooks,
        endpoints=Endpoints(outside.webhooks, memory.webhooks, outside.deliveries, machine),
        settings=settings,
        vault=outside.vault,
        machine=machine,
        schedule=options.schedule,
        payload_retention=options.payload_retention,
    )
    folders = Folders(
        memory.accounts,
        memory.apps,
        RoutedMailboxes(outside.mailboxes, outside.sidecar),
        outside.folders,
        kept=memory.folders,
        clock=machine.clock,
    )
    recent = RecentEvents()
    changes = Changes(
        accounts=memory.accounts,
        apps=memory.apps,
        folders=folders,
        readings=Readings(
            GroupCommit(outside.reader.read, full=20, lanes=8, pace=options.read_pace, name="read-messages"),
            outside.reader,
            Permits(outside.permits, machine),
            GroupCommit(outside.sidecar.read, full=20, lanes=8, pace=options.read_pace, name="read-delegated"),
        ),
        meanings=Meanings(outside.sightings, deliveries, folders, recent, options.retention),
        sighting_rows=GroupCommit(
            as_commit(lambda sightings: outside.sightings.put(dict(sightings))),
            full=100,
            lanes=4,
            pace=options.row_pace,
            name="put-sightings",
        ),
        queue=outside.changes,
        jobs=outside.jobs,
        deliveries=deliveries,
        settings=settings,
        recent=recent,
        crowds=Crowds(),
        machine=machine,
    )
    return Events(replays, webhooks, settings, deliveries, changes)


def _current(store: InstanceSettingsStore) -> Callable[[str], InstanceSettings]:
    def find(_: str) -> InstanceSettings:
        stored = store.get()
        return stored.value if stored else InstanceSettings()

    return find
