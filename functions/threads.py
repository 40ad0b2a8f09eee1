"""
Threads: work that waits does so beside the event loop, and its log lines are written where the worker sees them.

The worker asks the running task, or the thread that it started itself, which invocation a line belongs to. Lines from
any other thread belong to none, and never reach Application Insights:
https://github.com/Azure/azure-functions-python-worker/issues/1358
Giving such a thread the invocation's id (`context.thread_local_storage`) works up to Python 3.12 only:
https://github.com/Azure/azure-functions-python-worker/issues/1860

Each kind of work has threads of its own, so that pages that wait for Entra ID hold up no look at our health. The loop's
own, five on one core, are left to the lifecycle notifications that Graph wants answered within 3 seconds.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import ContextVar, copy_context
from typing import TypeVar

Result = TypeVar("Result")

_held: ContextVar[list[logging.LogRecord] | None] = ContextVar("held", default=None)
_logger = logging.getLogger("relay365")


async def in_thread(work: Callable[[], Result], threads: Executor) -> Result:
    """Returns what *work* returns in one of *threads*; its lines are written when it has ended, by this task."""
    _logger.addFilter(_passes)
    lines: list[logging.LogRecord] = []
    token = _held.set(lines)
    try:
        return await asyncio.get_running_loop().run_in_executor(threads, copy_context().run, work)
    finally:
        _held.reset(token)
        for line in lines:
            _logger.handle(line)


def _passes(line: logging.LogRecord) -> bool:
    held = _held.get()
    if held is None:
        return True
    held.append(line)
    return False
