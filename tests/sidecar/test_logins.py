"""Logins come one after another, and a grant has so many places."""

import asyncio

import pytest

from sidecar.logins import Logins


def test_logins_are_paced() -> None:
    """However many want to log in at once, they begin at the pace of the replica."""

    async def run() -> float:
        logins = Logins(10, a_second=50)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(logins.turn() for _ in range(11)))
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(run()) > 0.19


def test_places_are_counted_by_grant() -> None:
    """Who finds all places of a grant taken waits, and gives up in time; another grant's are free."""

    async def run() -> None:
        logins = Logins(1)
        async with logins.place("anna"):
            assert not logins.has_room("anna")
            async with logins.place("berta"):
                pass
            with pytest.raises(TimeoutError):
                async with logins.place("anna", patience=0.01):
                    pass
        assert logins.has_room("anna")

    asyncio.run(run())
