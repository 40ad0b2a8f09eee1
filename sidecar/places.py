"""Places: how many connections at once one user's sign-in may have, of the few that Exchange allows."""

import asyncio

from shared.domain.errors import TryLater

_AGAIN_SECONDS = 10.0


class Places:
    """*limit* places for each grant, in this process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: dict[str, int] = {}
        self._freed = asyncio.Condition()

    def is_full(self, grant: str) -> bool:
        """Tells whether every place of *grant* is taken."""
        return self._taken.get(grant, 0) >= self._limit

    async def take(self, grant: str, seconds: float = _AGAIN_SECONDS) -> None:
        """Takes a place of *grant*, waiting for one; raises TryLater where none becomes free."""
        try:
            async with asyncio.timeout(seconds), self._freed:
                await self._freed.wait_for(lambda: not self.is_full(grant))
                self._taken[grant] = self._taken.get(grant, 0) + 1
        except TimeoutError:
            raise TryLater(
                "The user's sign-in has as many connections as it may have; one will be free soon."
            ) from None

    async def give_back(self, grant: str) -> None:
        """Frees a place of *grant*."""
        async with self._freed:
            self._taken[grant] -= 1
            if not self._taken[grant]:
                del self._taken[grant]
            self._freed.notify_all()
