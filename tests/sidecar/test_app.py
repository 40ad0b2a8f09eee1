"""The health check answers with what a replica does."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from shared.domain.shards import Watchman
from sidecar.app import application
from sidecar.fence import Fence
from sidecar.supervisor import Supervisor
from tests.fakes.delegated import FakeShardStore, FakeWatchStore
from tests.fakes.log import FakeLog


@pytest.mark.parametrize(("age", "status"), [(None, 503), (1.0, 200), (100.0, 503)])
def test_health_follows_the_beat(age: float | None, status: int) -> None:
    """A replica is healthy while its last beat is fresh, and says what it holds; it is alive all the same."""
    board, fence = FakeShardStore(), Fence(10, clock=lambda: 1000.0)
    if age is not None:
        fence.beaten(fence.now() - age)

    def begin(*_: Any) -> Any:
        raise AssertionError

    supervisor = Supervisor(
        "me",
        shards=board,
        watches=FakeWatchStore(board),
        watchman=Watchman(timedelta(seconds=10)),
        fence=fence,
        begin=begin,
        log=FakeLog(),
    )

    no_mail: Any = None

    async def run() -> tuple[int, dict[str, Any]]:
        async with TestClient(TestServer(application(supervisor, no_mail, (), FakeLog()))) as client:
            assert (await client.get("/alive")).status == 200
            answer = await client.get("/health")
            return answer.status, await answer.json()

    told = {"replica": "me", "healthy": status == 200, "lastBeatSeconds": age}
    assert asyncio.run(run()) == (status, {**told, "shards": 0, "sessions": 0, "connected": 0})
