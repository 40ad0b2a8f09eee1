"""Logins: few at a time, and few connections for one sign-in, because Exchange counts both."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_A_SECOND = 5.0


class Logins:
    """
    The doorkeeper of one replica: 5 logins a second in all, *places* connections for each grant.

    A place is held as long as its connection; who comes when all are taken waits until one is free.
    """

    def __init__(self, places: int, *, a_second: float = _A_SECOND) -> None:
        self._places = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(places))
        self._pause = 1 / a_second
        self._next = 0.0

    @asynccontextmanager
    async def place(self, grant: str, *, patience: float | None = None) -> AsyncIterator[None]:
        """Holds a place of the grant; raises TimeoutError where none is free within *patience* seconds."""
        places = self._places[grant]
        async with asyncio.timeout(patience):
            await places.acquire()
        try:
            yield
        finally:
            places.release()

    def has_room(self, grant: str) -> bool:
        """Tells whether a place of the grant is free at once."""
        return not self._places[grant].locked()

    async def turn(self) -> None:
        """Returns when the next login may begin."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next)
        self._next = at + self._pause
        await asyncio.sleep(at - now)
