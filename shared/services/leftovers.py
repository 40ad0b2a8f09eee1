"""
Leftovers of sign-ins: pages that nobody came back from, and grants of sign-ins that died on the way to their account.

A grant is written before the account that hangs on it, and an account is hung on it before it has a row. So a process
that dies in between leaves a refresh token that nobody uses, which no deletion of an account would ever find.
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.accounts import AccountState
from shared.domain.grants import Grant
from shared.ports.machine import Machine
from shared.ports.state import AccountStore, FlowStore, GrantStore
from shared.services.grants import Grants

# Longer than any registration takes: what is younger may be on its way.
_SETTLED = timedelta(days=1)


@dataclass(frozen=True)
class Leftovers:
    """Lets go of what sign-ins left behind."""

    flows: FlowStore
    store: GrantStore
    accounts: AccountStore
    grants: Grants
    machine: Machine

    def purge(self) -> None:
        """Removes sign-ins that have ended, and grants without an account with their tokens; it costs O(accounts)."""
        now = self.machine.clock.now()
        ended = self.flows.purge(now)
        settled = (grant for grant in self.store.all() if grant.updated < now - _SETTLED)
        loose = 0
        for grant in settled:
            hung = tuple(key for key in grant.accounts if self._hangs(key, grant))
            if not hung or hung != grant.accounts:
                self.grants.leave(grant, hung)
                loose += 1
        self.machine.log.event("leftovers.purged", flows=ended, grants=loose)

    def _hangs(self, key: str, grant: Grant) -> bool:
        stored = self.accounts.get(key)
        if stored is None or stored.value.state is AccountState.DELETED:
            return False
        return stored.value.grant == grant.id
