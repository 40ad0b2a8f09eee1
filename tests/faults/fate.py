"""Deaths of a process, at any step that leaves a trace in the world."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from shared.domain.deliveries import Delivery
from shared.domain.sightings import Sighting, SightingKey
from tests.fakes.stores import FakeDeliveryStore, FakeSightingStore

Port = TypeVar("Port")
Result = TypeVar("Result")


class Died(BaseException):
    """The process is gone; no `except Exception` of the product can see this."""


class Death(NamedTuple):
    """The process dies at the effect with this number, just before it happens or just after."""

    effect: int
    after: bool


@dataclass
class Fate:
    """Counts the effects of all processes, and ends a process where a death is due."""

    deaths: Collection[Death] = ()
    effects: list[str] = field(default_factory=list)

    def meet(self, name: str, effect: Callable[[], Result]) -> Result:
        """Have an effect happen, unless the process dies before."""
        self.effects.append(name)
        number = len(self.effects)
        if Death(number, after=False) in self.deaths:
            raise Died
        result = effect()
        if Death(number, after=True) in self.deaths:
            raise Died
        return result

    def further_deaths(self) -> Iterator[Death]:
        """Yield every death that could still come after the ones that came."""
        last = max((death.effect for death in self.deaths), default=0)
        for number in range(last + 1, len(self.effects) + 1):
            yield Death(number, after=False)
            yield Death(number, after=True)


class Meets(Protocol):
    """Decides about each effect."""

    def meet(self, name: str, effect: Callable[[], Any]) -> Any:
        """Have an effect happen, unless the process dies before."""


class Mortal:
    """Stands before a port and makes the named methods effects; of a fake's, those that leave a trace."""

    def __init__(self, inner: object, fate: Meets, effects: Mapping[str, str]) -> None:
        self._inner = inner
        self._fate = fate
        self._effects = effects

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._inner, method)
        name = self._effects.get(method)
        if name is None:
            return found
        return lambda *args, **kwargs: self._fate.meet(name, partial(found, *args, **kwargs))


def mortal(inner: Port, fate: Fate, **effects: str) -> Port:
    """Return *inner* with some methods as effects, each under the name that is given for it."""
    return cast("Port", Mortal(inner, fate, effects))


@dataclass
class RowByRow:
    """Stores deliveries one row at a time, as rows of several days are: a death leaves some of them."""

    store: FakeDeliveryStore
    fate: Fate

    def add(self, deliveries: Sequence[tuple[Delivery, bytes]]) -> list[None]:
        """Store every row with an effect of its own."""
        for row in deliveries:
            self.fate.meet("row stored", partial(self.store.add, [row]))
        return [None] * len(deliveries)


@dataclass
class SightingBySighting:
    """Stores sightings one at a time, as those of several days are."""

    store: FakeSightingStore
    fate: Fate

    def put(self, sightings: Sequence[tuple[SightingKey, Sighting]]) -> list[None]:
        """Store every sighting with an effect of its own."""
        for key, sighting in sightings:
            self.fate.meet("sighting stored", partial(self.store.put, {key: sighting}))
        return [None] * len(sightings)
