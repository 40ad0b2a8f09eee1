"""Places: a grant has so many connections, and who waits is woken."""

import asyncio

from sidecar.places import Places


def test_a_grant_has_so_many_places() -> None:
    """Each grant has its own places; one that is given back can be taken again."""
    places = Places(2)
    assert [places.take(grant) for grant in "aaabb"] == [True, True, False, True, True]
    places.give_back("a")
    assert [places.take(grant) for grant in "aab"] == [True, False, False]


def test_who_waits_is_woken() -> None:
    """A place that is given back wakes everybody who waits."""

    async def run() -> list[bool]:
        places = Places(1)
        assert places.take("a")

        async def wait() -> bool:
            await places.wait()
            return places.take("a")

        waiting = [asyncio.create_task(wait()) for _ in range(2)]
        await asyncio.sleep(0)
        places.give_back("a")
        return await asyncio.gather(*waiting)

    assert sorted(asyncio.run(run())) == [False, True]
