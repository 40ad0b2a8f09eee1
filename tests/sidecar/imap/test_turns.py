"""What a command waits for."""

import asyncio

import pytest

from sidecar.imap.turns import Turns
from sidecar.imap.wire import Response

FIRST, SECOND = Response(b"+", (b"more",)), Response(b"R1", (b"OK",))


def test_turns_are_taken_in_order() -> None:
    """What was said before anybody waited, and what is said then, comes in order and once."""

    async def run() -> list[object]:
        turns = Turns()
        turns.put(FIRST)
        taken = [await turns.take()]
        waiting = asyncio.create_task(turns.take())
        await asyncio.sleep(0)
        turns.put(SECOND)
        turns.put(FIRST)
        return [*taken, await waiting, await turns.take()]

    assert asyncio.run(run()) == [FIRST, SECOND, FIRST]


def test_nothing_is_lost_with_one_who_gave_up() -> None:
    """A turn that comes after its reader was cancelled waits for the next one."""

    async def run() -> object:
        turns = Turns()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await turns.take()
        turns.put(FIRST)
        return await turns.take()

    assert asyncio.run(run()) == FIRST
