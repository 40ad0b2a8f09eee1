"""Traces in memory, in the stores that keep them; payloads go with their deliveries."""

from collections.abc import Sequence

from shared.domain.accounts import account_key
from shared.domain.deliveries import DeliveryState
from shared.domain.erasures import Trace, TraceKind
from shared.domain.errors import Changed
from shared.domain.events import EventName
from shared.domain.sightings import SightingKey
from shared.ports.records import Page
from tests.fakes.stores import FakeDeliveryStore, FakeSightingStore


class FakeTraceStore:
    """Finds what is kept of an account, and removes it."""

    def __init__(self, deliveries: FakeDeliveryStore, sightings: FakeSightingStore) -> None:
        self._deliveries = deliveries
        self._sightings = sightings

    def page(self, kind: TraceKind, account: str, position: dict[str, str] | None, limit: int) -> Page[Trace]:
        """Return a page."""
        found = sorted(self._found(kind, account), key=lambda trace: trace.place)
        left = [trace for trace in found if position is None or "|".join(trace.place) > position["after"]]
        shown = left[:limit]
        return Page(shown, {"after": "|".join(shown[-1].place)} if len(left) > limit else None)

    def remove(self, kind: TraceKind, traces: Sequence[Trace]) -> None:
        """Remove traces."""
        for trace in traces:
            if kind is TraceKind.DELIVERIES:
                if trace.place[0] not in self._deliveries.all():
                    raise Changed
                self._deliveries.drop(trace.place[0], trace.etag)
            else:
                key = SightingKey(day=trace.place[0], name=trace.place[1])
                if str(self._sightings.get(key)) != trace.etag:
                    raise Changed
                self._sightings.drop(key)

    def _found(self, kind: TraceKind, account: str) -> list[Trace]:
        if kind is TraceKind.DELIVERIES:
            return [
                Trace(
                    (place,),
                    stored.etag,
                    learned=stored.value.created,
                    farewell=stored.value.event is EventName.ACCOUNT_DELETED
                    and stored.value.state in (DeliveryState.RETRYING, DeliveryState.PARKED),
                )
                for place, stored in self._deliveries.all().items()
                if stored.value.account == account
            ]
        if kind is TraceKind.SIGHTINGS:
            return [
                Trace((key.day, key.name), str(seen), owner=seen.owner)
                for key, seen in self._sightings.all().items()
                if seen.owner.startswith(f"{account_key(account)}-")
            ]
        return []
