"""Turns: what the server says to a command, each in its turn, for the one task that waits."""

import asyncio

from sidecar.imap.errors import Refusal
from sidecar.imap.wire import Response


class Turns:
    """A queue for one reader: asyncio's own, of which each connection would keep one, has 3 KB for many."""

    __slots__ = ("_said", "_waiter")

    def __init__(self) -> None:
        self._said: list[Response | Refusal] = []
        self._waiter: asyncio.Future[None] | None = None

    def put(self, turn: Response | Refusal) -> None:
        """Adds a turn; never waits."""
        self._said.append(turn)
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self) -> Response | Refusal:
        """Returns the first turn that was not taken yet, as soon as there is one."""
        while not self._said:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._said.pop(0)
