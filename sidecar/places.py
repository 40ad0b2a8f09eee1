"""Places: how many connections at once one user's sign-in may have, of the few that Exchange allows."""

import asyncio


class Places:
    """*limit* places for each grant, in this process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: dict[str, int] = {}
        self._stirred = asyncio.Event()

    def take(self, grant: str) -> bool:
        """Takes a place of *grant*, and tells whether there was one."""
        taken = self._taken.get(grant, 0)
        if taken >= self._limit:
            return False
        self._taken[grant] = taken + 1
        return True

    def give_back(self, grant: str) -> None:
        """Frees a place of *grant*."""
        self._taken[grant] -= 1
        if not self._taken[grant]:
            del self._taken[grant]
        self.stir()

    def stir(self) -> None:
        """Has everybody who waits look again."""
        self._stirred.set()
        self._stirred = asyncio.Event()

    async def wait(self) -> None:
        """Waits until there is a reason to look again."""
        await self._stirred.wait()
