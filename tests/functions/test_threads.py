"""Threads: whatever runs beside the event loop, its lines come from the task that the worker knows."""

import asyncio
import logging
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from functions.threads import in_thread
from shared.adapters.log import JsonLog


class Worker(logging.Handler):
    """Notes what the worker would see: each line that a task of its own writes, and None for any other."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str | None] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note a line."""
        running = asyncio._get_running_loop()
        self.seen.append(record.getMessage() if running and asyncio.current_task(running) else None)


@pytest.fixture
def worker() -> Iterator[Worker]:
    """Return the worker, which listens."""
    handler, logger = Worker(), logging.getLogger("relay365")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


@pytest.mark.parametrize("fails", [False, True])
def test_lines_of_a_thread_are_the_task_s(worker: Worker, *, fails: bool) -> None:
    """What work beside the loop tells is written by the task that waits for it, in order, also where it fails."""

    def work() -> str:
        log = JsonLog()
        log.event("grant.kept", grant="g")
        log.problem("dependency.down", dependency="vault")
        if fails:
            raise RuntimeError("Broken.")
        return threading.current_thread().name

    async def answer() -> None:
        if fails:
            with pytest.raises(RuntimeError, match="Broken"):
                await in_thread(work, threads)
        else:
            assert await in_thread(work, threads) != threading.current_thread().name
        JsonLog().event("request.answered")

    with ThreadPoolExecutor(1) as threads:
        asyncio.run(answer())
    assert worker.seen == [
        '{"event":"grant.kept","grant":"g"}',
        '{"event":"dependency.down","dependency":"vault"}',
        '{"event":"request.answered"}',
    ]


def test_work_that_waits_holds_up_no_other() -> None:
    """While all threads of one kind of work wait, another kind's work, and the loop's own, goes on."""
    over = threading.Event()

    async def answer() -> list[str]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        waiting = asyncio.create_task(in_thread(lambda: over.wait(60), pages))
        await asyncio.sleep(0)
        told = [await in_thread(lambda: "healthy", health), await asyncio.to_thread(lambda: "stored")]
        assert not waiting.done()
        over.set()
        await waiting
        return told

    with ThreadPoolExecutor(1) as pages, ThreadPoolExecutor(1) as health:
        assert asyncio.run(answer()) == ["healthy", "stored"]


def test_functions_wait_in_no_other_way(root: Path) -> None:
    """No other module of functions/ hands work to a thread, whose lines would be lost."""
    ways = re.compile(r"to_thread|run_in_executor|\.submit\(")
    using = [path.name for path in (root / "functions").rglob("*.py") if ways.search(path.read_text(encoding="utf-8"))]
    assert using == ["threads.py"]
