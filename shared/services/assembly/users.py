"""Mailboxes that their users opened: the grants, and who watches on them. The sidecar needs this and nothing else."""

from dataclasses import dataclass

from shared.domain.oauth2 import OAuth2App
from shared.ports.outside import OutsideOfUsers
from shared.ports.records import Stored
from shared.services.grants import Grants
from shared.services.lookups import Lookup
from shared.services.standings import Standings, announcing
from shared.services.watching import Watching


@dataclass(frozen=True)
class Users:
    """What opens and watches mailboxes in their users' names."""

    standings: Standings
    grants: Grants
    watching: Watching


def assemble_users(outside: OutsideOfUsers, apps: Lookup[Stored[OAuth2App] | None], *, pace: float = 0.0) -> Users:
    """Returns what opens and watches mailboxes of users; *pace* is how many seconds an event may wait for company."""
    machine = outside.machine
    standings = Standings(outside.accounts, announcing(outside.changes, pace=pace), outside.jobs, machine)
    grants = Grants(
        store=outside.grants,
        apps=apps,
        tokens=outside.grant_tokens,
        vault=outside.vault,
        jobs=outside.jobs,
        machine=machine,
    )
    watching = Watching(
        accounts=outside.accounts,
        grants=grants,
        watches=outside.watches,
        mirrors=outside.mirrors,
        standings=standings,
        machine=machine,
    )
    return Users(standings, grants, watching)
