"""A furnished world for every test of a use case."""

import pytest

from tests.shared.services.world import Process, World


@pytest.fixture
def world() -> World:
    """Return a world with an application and a default webhook that takes every event."""
    made = World()
    made.furnish()
    return made


@pytest.fixture
def process(world: World) -> Process:
    """Return a process in that world."""
    return world.process()
