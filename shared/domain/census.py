"""The census: accounts by state and by subscription, counted once an hour, because that reads every account."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from shared.domain.accounts import AccountState
from shared.domain.models import Carried

# A subscription is renewed with more than this left, also where a cloud allows three days only.
_LATE = timedelta(hours=24)
_PENDING = frozenset({AccountState.NEW, AccountState.CONNECTING})


@dataclass(frozen=True, slots=True)
class Counted:
    """What is asked of each account: its state, when its subscription ends, and whether it polls."""

    state: str
    expires: datetime | None
    polling: bool


class Census(Carried):
    """
    How many accounts there were, by state, and by what EmailEngine calls a subscription's status.

    `soonest` is the end of the subscription that ends next, `late` how many of connected accounts should have been
    renewed long before.
    """

    taken: datetime
    states: dict[str, int] = Field(default_factory=dict)
    subscriptions: dict[str, int] = Field(default_factory=dict)
    soonest: datetime | None = None
    late: int = 0

    @property
    def accounts(self) -> int:
        """How many accounts there are."""
        return sum(number for state, number in self.states.items() if state != AccountState.DELETED)

    @property
    def in_trouble(self) -> int:
        """How many accounts are not connected and not on the way."""
        errors = (AccountState.AUTHENTICATION_ERROR, AccountState.CONNECT_ERROR)
        return sum(self.states.get(state, 0) for state in errors)


def census(accounts: Iterable[Counted], now: datetime) -> Census:
    """Returns the census of *accounts*."""
    states: Counter[str] = Counter()
    subscriptions: Counter[str] = Counter()
    soonest: datetime | None = None
    late = 0
    for each in accounts:
        states[each.state] += 1
        if each.state == AccountState.DELETED:
            continue
        subscriptions[_status(each, now)] += 1
        if each.expires is not None and each.state == AccountState.CONNECTED:
            soonest = min(each.expires, soonest or each.expires)
            late += each.expires - now < _LATE
    return Census(taken=now, states=dict(states), subscriptions=dict(subscriptions), soonest=soonest, late=late)


def _status(account: Counted, now: datetime) -> str:
    if account.expires is not None:
        return "valid" if account.expires > now else "expired"
    if account.polling:
        return "failed"
    return "pending" if account.state in _PENDING else "unset"
