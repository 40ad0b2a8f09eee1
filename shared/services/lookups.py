"""
Lookups: what hot paths read again and again, kept in memory for a short while.

A record changed by another process is seen at the latest after `ttl`; this process's own writes call `forget`. That
nothing is there is never kept: an account registered a moment ago must not be taken for a stranger.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from shared.domain.accounts import Account
from shared.domain.errors import SignInRefused
from shared.domain.oauth2 import OAuth2App
from shared.patience import holding
from shared.ports.machine import Clock
from shared.ports.records import Stored

Value = TypeVar("Value")

_CAPACITY = 50_000
_SHARES = 64


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Value]):
    value: Value
    until: datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """When a value was asked for, and how often its key had been forgotten by then."""

    moment: datetime
    forgotten: int


class Lookup(Generic[Value]):
    """Asks *find* once per key and *ttl*; threads that ask for the same key at the same time share the answer."""

    def __init__(self, find: Callable[[str], Value], clock: Clock, ttl: timedelta) -> None:
        self._find = find
        self._clock = clock
        self._ttl = ttl
        self._kept: dict[str, _Kept[Value]] = {}
        # Keys share these. One for all keys would keep nothing while many accounts change, each of which is forgotten.
        self._forgotten = [0] * _SHARES
        self._locks = [threading.Lock() for _ in range(_SHARES)]
        self._keeping = threading.Lock()

    def get(self, key: str) -> Value:
        """Returns what *find* returned for *key* not longer than `ttl` ago."""
        now = self._clock.now()
        kept = self._kept.get(key)
        if kept is not None and kept.until > now:
            return kept.value
        with holding(self._locks[_share(key)], "Storage"):
            kept = self._kept.get(key)
            if kept is not None and kept.until > now:
                return kept.value
            since = self.mark(key)
            value = self._find(key)
            if value is not None:
                self.keep(key, value, since)
            return value

    def has(self, key: str) -> bool:
        """Tells whether `get` would ask nobody for *key*."""
        kept = self._kept.get(key)
        return kept is not None and kept.until > self._clock.now()

    def mark(self, key: str) -> Mark:
        """Returns this moment, as `keep` wants it."""
        return Mark(self._clock.now(), self._forgotten[_share(key)])

    def keep(self, key: str, value: Value, since: Mark) -> None:
        """Keeps a *value* that was asked for at *since*, as `get` would have."""
        with self._keeping:
            if since.forgotten != self._forgotten[_share(key)]:
                # What was found may be older than the write that had it forgotten.
                return
            if len(self._kept) >= _CAPACITY:
                self._kept.clear()
            self._kept[key] = _Kept(value, since.moment + self._ttl)

    def forget(self, key: str) -> None:
        """Has the next `get` of *key* ask anew."""
        with self._keeping:
            self._forgotten[_share(key)] += 1
            self._kept.pop(key, None)


def _share(key: str) -> int:
    return hash(key) % _SHARES


def application_of(account: Account, apps: Lookup[Stored[OAuth2App] | None]) -> OAuth2App:
    """Returns the application that *account* signs in through; raises SignInRefused where it was deleted."""
    stored = apps.get(account.app)
    if stored is None:
        raise SignInRefused(
            f"The OAuth2 application {account.app!r} was deleted.",
            reason="AppNotFound",
            mend="Set another application through PUT /v1/account/{account}.",
        )
    return stored.value
