"""Secrets in memory, for minutes: a vault is slow, throttled, and must not stop the mail when it does not answer."""

from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from shared.domain.errors import NotFound, TryLater
from shared.patience import answered
from shared.ports.machine import Clock
from shared.ports.vault import Vault

_FRESH = timedelta(minutes=5)
# While the vault does not answer, it is asked this often and no more, since each try takes its timeout.
_PATIENCE = timedelta(seconds=30)
_MOST_SECRETS = 10_000


@dataclass(frozen=True)
class _Held:
    secret: str = field(repr=False)
    until: datetime


class SecretCache:
    """
    Keeps what *vault* told for *ttl*, and for longer while the vault does not answer.

    Callers that ask for one secret at the same time share one call.
    """

    def __init__(self, vault: Vault, clock: Clock, ttl: timedelta = _FRESH) -> None:
        self._vault = vault
        self._clock = clock
        self._ttl = ttl
        self._lock = Lock()
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._flights: dict[str, Future[str]] = {}

    def put(self, name: str, secret: str) -> str:
        """Stores *secret* in the vault and returns the reference to it."""
        reference = self._vault.put(name, secret)
        with self._lock:
            self._hold(reference, secret, self._ttl)
        return reference

    def get(self, reference: str) -> str:
        """Returns the secret; raises NotFound where it was removed, and TryLater where nothing is known of it."""
        with self._lock:
            held = self._held.get(reference)
            if held is not None and held.until > self._clock.now():
                return held.secret
            flight = self._flights.get(reference)
            ours = flight is None
            if flight is None:
                flight = self._flights[reference] = Future()
        if ours:
            self._fly(reference, flight)
        return answered(flight, "The vault")

    def delete(self, reference: str) -> None:
        """Removes the secret from memory, then from the vault; a second time does nothing."""
        with self._lock:
            self._drop(reference)
        self._vault.delete(reference)
        with self._lock:
            # Somebody may have asked for it while the vault was still removing it.
            self._drop(reference)

    def _fly(self, reference: str, flight: "Future[str]") -> None:
        try:
            flight.set_result(self._ask(reference, flight))
        except BaseException as error:  # noqa: BLE001  whatever happens here, the others must not wait for ever
            flight.set_exception(error)
        finally:
            with self._lock:
                if self._flights.get(reference) is flight:
                    del self._flights[reference]

    def _ask(self, reference: str, flight: "Future[str]") -> str:
        try:
            secret, ttl = self._vault.get(reference), self._ttl
        except NotFound:
            with self._lock:
                self._held.pop(reference, None)
            raise
        except TryLater:
            with self._lock:
                held = self._held.get(reference)
            if held is None:
                raise
            secret, ttl = held.secret, _PATIENCE
        with self._lock:
            # Whoever deleted the secret meanwhile took this flight's right to remember it.
            if self._flights.get(reference) is flight:
                self._hold(reference, secret, ttl)
        return secret

    def _drop(self, reference: str) -> None:
        self._held.pop(reference, None)
        self._flights.pop(reference, None)

    def _hold(self, reference: str, secret: str, ttl: timedelta) -> None:
        self._held[reference] = _Held(secret, self._clock.now() + ttl)
        self._held.move_to_end(reference)
        if len(self._held) > _MOST_SECRETS:
            self._held.popitem(last=False)
