"""Calls a function the way the Python worker does: async ones on the one event loop, sync ones in the one pool."""

import asyncio
import inspect
import logging
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import azure.functions as func

from local.host.declared import Binding, Declared

_log = logging.getLogger("Host.Results")

WriteOutput = Callable[[Binding, Any], Awaitable[None]]


class Out(func.Out[Any]):
    """What a function puts into an output binding; it is written only after the function has succeeded."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        """Keeps the value; the last one wins."""
        self._value = val

    def get(self) -> Any:
        """Returns the value kept so far."""
        return self._value


@dataclass(frozen=True)
class Retry:
    """Which repetition of a retry policy an invocation is: the worker's RetryContext."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: BaseException | None = None


@dataclass(frozen=True)
class Context:
    """What a function that takes `context` is given."""

    invocation_id: str
    function_name: str
    function_directory: str
    retry_context: Retry
    trace_context: None = None
    thread_local_storage: threading.local = field(default_factory=threading.local)


# The worker checks the annotation by its name only; this makes isinstance(context, func.Context) true as well.
func.Context.register(Context)


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended: with a value, or with the error that is already in the log."""

    value: Any = None
    error: BaseException | None = None


class Invoker:
    """Runs one invocation after the other is asked of it, and counts what is under way."""

    def __init__(
        self, pool: ThreadPoolExecutor, directory: str, timeout: timedelta | None, write_output: WriteOutput
    ) -> None:
        self._pool = pool
        self._directory = directory
        self._timeout = None if timeout is None else timeout.total_seconds()
        self._write_output = write_output
        self.busy_threads = 0

    async def invoke(self, function: Declared, value: Any, retry: Retry | None = None) -> Outcome:
        """Calls the function with its trigger's value, writes its outputs, and logs the end in one line."""
        started = time.perf_counter()
        invocation_id = str(uuid.uuid4())
        arguments = {function.trigger.name: value}
        outs = {binding.name: Out() for binding in function.outputs if binding.name != "$return"}
        arguments.update(outs)
        if function.takes_context:
            arguments["context"] = Context(invocation_id, function.name, self._directory, retry or Retry())
        try:
            async with asyncio.timeout(self._timeout):
                result = await self._call(function, arguments)
                if function.trigger.type != "httpTrigger" or outs:
                    await self._write(function, outs, result)
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a function raises fails its call, no more
            milliseconds = (time.perf_counter() - started) * 1000
            text = "Executed Functions.%s (Failed, Id=%s, Duration=%.0fms)"
            _log.error(text, function.name, invocation_id, milliseconds, exc_info=error)
            return Outcome(error=error)
        if _log.isEnabledFor(logging.INFO):
            milliseconds = (time.perf_counter() - started) * 1000
            text = "Executed Functions.%s (Succeeded, Id=%s, Duration=%.0fms)"
            _log.info(text, function.name, invocation_id, milliseconds)
        return Outcome(result)

    async def _call(self, function: Declared, arguments: Mapping[str, Any]) -> Any:
        if function.is_async:
            return await function.call(**arguments)
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(self._pool, self._in_thread, function, arguments)
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError(
                f"Function {function.name} is async under a decorator that is not: the worker gets a coroutine, so "
                "make the decorator's wrapper async."
            )
        return result

    def _in_thread(self, function: Declared, arguments: Mapping[str, Any]) -> Any:
        self.busy_threads += 1
        try:
            return function.call(**arguments)
        except SystemExit as error:
            raise RuntimeError(f"Function {function.name} called sys.exit({error.code!r})") from error
        finally:
            self.busy_threads -= 1

    async def _write(self, function: Declared, outs: Mapping[str, Out], result: Any) -> None:
        values = {name: out.get() for name, out in outs.items()}
        if function.trigger.type != "httpTrigger" and result is not None:
            values["$return"] = result
        bindings = {binding.name: binding for binding in function.outputs}
        for name, value in values.items():
            if name not in bindings:
                raise TypeError(f"Function {function.name} returned a value, but has no $return binding to take it")
            if value is not None:
                await self._write_output(bindings[name], value)
