"""When timers fire, and that they do so once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func

from local.host import ncrontab
from local.host.declared import declare
from local.host.invocation import Invoker
from local.host.timer_status import Status, StatusFile
from local.host.timers import Timer

YEARLY = "0 0 0 1 1 *"


def _timer(folder: Path, schedule: str, handler: Any, **options: Any) -> Timer:
    app = func.FunctionApp()
    registered = app.timer_trigger("timer", schedule, **options)(handler)
    app.retry("fixed_delay", "2", delay_interval="00:00:00")(registered)
    invoker = Invoker(ThreadPoolExecutor(1), "", None, lambda *_: asyncio.sleep(0))
    function = declare(app.get_functions()[0])
    return Timer(function, ncrontab.parse(schedule), StatusFile(folder, function.name), invoker)


def _run(*timers: Timer, until: asyncio.Event | None = None) -> None:
    """Run until the event comes; without one, a moment that is enough for what happens at the start."""

    async def run() -> None:
        stop = until or asyncio.Event()
        if until is None:
            asyncio.get_running_loop().call_later(0.05, stop.set)
        await asyncio.gather(*(timer.run(stop) for timer in timers))

    asyncio.run(run())


def test_past_due(tmp_path: Path) -> None:
    """A run that was missed while the host was down happens at the start, once, and says that it is past due."""
    seen: list[bool] = []

    async def yearly(timer: func.TimerRequest) -> None:
        seen.append(timer.past_due)

    _run(_timer(tmp_path, YEARLY, yearly))
    assert seen == []
    StatusFile(tmp_path, "yearly").write(Status(None, datetime.now(UTC) - timedelta(hours=1)))
    _run(_timer(tmp_path, YEARLY, yearly))
    _run(_timer(tmp_path, YEARLY, yearly))
    assert seen == [True]


def test_no_overlap(tmp_path: Path) -> None:
    """A timer of every second that takes longer skips what it misses; a second host waits for the first."""
    running, most, ended = 0, 0, asyncio.Event()

    async def slow(timer: func.TimerRequest) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1.2)
        running -= 1
        ended.set()

    _run(_timer(tmp_path, "* * * * * *", slow), _timer(tmp_path, "* * * * * *", slow), until=ended)
    assert most == 1


def test_retry_policy(tmp_path: Path) -> None:
    """A timer that runs at the start and fails is repeated as often as its retry policy says."""
    counts: list[int] = []

    async def failing(timer: func.TimerRequest, context: func.Context) -> None:
        counts.append(context.retry_context.retry_count)
        raise ValueError("no")

    _run(_timer(tmp_path, YEARLY, failing, run_on_startup=True))
    assert counts == [0, 1, 2]
