"""Puts the parts together, serves until it is told to stop, and then finishes what is under way."""

import asyncio
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
from aiohttp import web

from local.host import connections, keys, ncrontab, queues
from local.host.admin import Admin, Fire, fire_queue, fire_timer
from local.host.declared import Declared
from local.host.errors import StartRefused
from local.host.http import HttpFace
from local.host.invocation import Invoker
from local.host.outputs import QueueOutputs
from local.host.queues import Listener
from local.host.routes import Router
from local.host.settings import HostSettings
from local.host.storage_queue import StorageQueue
from local.host.timer_status import StatusFile
from local.host.timers import Timer

_log = logging.getLogger("Host.Startup")
_DRAIN = timedelta(seconds=10)
_HEADER_LIMIT = 32 * 1024
_LINGER = 1.0  # for a body that no function reads; ten by default, which a refused upload would wait
_KEEP_ALIVE = 4.0  # An Azurite that somebody else started closes an idle connection after five seconds.


@dataclass(frozen=True)
class Place:
    """Where the host listens and keeps its state."""

    root: Path
    state: Path
    host: str = "127.0.0.1"
    port: int = 7071
    enable_auth: bool = False
    lease: timedelta = queues.LEASE


async def serve(functions: Sequence[Declared], settings: HostSettings, place: Place, stop: asyncio.Event) -> int:
    """Runs the app until `stop` is set; returns how many threads were still busy when the time to finish was over."""
    connector = aiohttp.TCPConnector(limit=64, keepalive_timeout=_KEEP_ALIVE)
    timeout = aiohttp.ClientTimeout(total=30, sock_connect=5)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        pool = _pool()
        outputs = QueueOutputs(session, base64_encoded=settings.queues.base64)
        invoker = Invoker(pool, str(place.root), settings.function_timeout, outputs.write)
        listeners = [_listener(f, session, settings, place, invoker) for f in _with(functions, "queueTrigger")]
        timers = [_timer(f, place, invoker) for f in _with(functions, "timerTrigger")]
        by_hand: dict[str, Fire] = {timer.function.name: fire_timer(timer) for timer in timers}
        by_hand.update((each.function.name, fire_queue(each.function, invoker)) for each in listeners)
        admin = Admin(by_hand)
        router = Router(_with(functions, "httpTrigger"), settings.route_prefix)
        face = HttpFace(router, invoker, admin, keys.load(place.state) if place.enable_auth else None)
        runner = await _listen(face, place)
        _announce(router, listeners, timers, place, settings)
        runs = [*(each.run(stop) for each in listeners), *(each.run(stop) for each in timers)]
        background = [asyncio.create_task(run) for run in runs]
        for task in background:
            task.add_done_callback(_report)
        await stop.wait()
        _log.info("Stopping: what is under way has %d seconds.", _DRAIN.total_seconds())
        await _drain(runner, admin, background)
        pool.shutdown(wait=False, cancel_futures=True)
        return invoker.busy_threads


async def _listen(face: HttpFace, place: Place) -> web.ServerRunner:
    # The bare server: aiohttp's own router and middlewares would run on every request for nothing.
    server = web.Server(
        face.handle,
        access_log=None,
        max_line_size=_HEADER_LIMIT,
        max_field_size=_HEADER_LIMIT,
        auto_decompress=False,
        lingering_time=_LINGER,
    )
    runner = web.ServerRunner(server, shutdown_timeout=_DRAIN.total_seconds() - 1)
    await runner.setup()
    try:
        await web.TCPSite(runner, place.host, place.port, backlog=512).start()
    except OSError as error:
        await runner.cleanup()
        raise StartRefused(
            f"Port {place.port} of {place.host} cannot be used ({error.strerror}): stop what listens there, or choose "
            "another one with --port."
        ) from error
    return runner


async def _drain(runner: web.ServerRunner, admin: Admin, background: Sequence[asyncio.Task[None]]) -> None:
    ending = asyncio.gather(runner.cleanup(), admin.finish(), *background, return_exceptions=True)
    try:
        async with asyncio.timeout(_DRAIN.total_seconds()):
            await ending
    except TimeoutError:
        _log.warning("Not everything has finished in time; messages under way come back when their lease ends.")


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("A trigger has broken down and fires no more: restart the host.", exc_info=error)


def _listener(
    function: Declared, session: aiohttp.ClientSession, settings: HostSettings, place: Place, invoker: Invoker
) -> Listener:
    account = connections.resolve(str(function.trigger.properties.get("connection", "")))
    name = str(function.trigger.properties["queueName"]).lower()
    poison = None if name.endswith("-poison") else StorageQueue(session, account, f"{name}-poison")
    queue = StorageQueue(session, account, name)
    return Listener(function, queue, poison, settings.queues, invoker, place.lease)


def _timer(function: Declared, place: Place, invoker: Invoker) -> Timer:
    try:
        schedule = ncrontab.parse(str(function.trigger.properties["schedule"]))
    except ValueError as error:
        raise StartRefused(f"Function {function.name} cannot be scheduled: {error}.") from error
    return Timer(function, schedule, StatusFile(place.state / "timers", function.name), invoker)


def _pool() -> ThreadPoolExecutor:
    text = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT")
    if text and not (text.isdigit() and int(text) > 0):
        raise StartRefused(f"PYTHON_THREADPOOL_THREAD_COUNT is {text!r}: write a number of threads.")
    return ThreadPoolExecutor(int(text) if text else None, thread_name_prefix="function")


def _with(functions: Sequence[Declared], trigger: str) -> list[Declared]:
    return [function for function in functions if function.trigger.type == trigger]


def _announce(
    router: Router, listeners: Sequence[Listener], timers: Sequence[Timer], place: Place, settings: HostSettings
) -> None:
    prefix = f"/{settings.route_prefix}" if settings.route_prefix else ""
    for route in router.routes:
        methods = ",".join(sorted(route.methods)) or "any method"
        _log.info("Function %s: %s %s/%s", route.function.name, methods, prefix, route.template)
    for listener in listeners:
        _log.info("Function %s: queue %s", listener.function.name, listener.queue.name)
    for timer in timers:
        _log.info("Function %s: timer %s", timer.function.name, timer.schedule.text)
    _log.info("Listening on http://%s:%d", place.host, place.port)
