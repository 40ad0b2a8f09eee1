"""The host's own endpoints: fire a function by hand, and ask whether the host runs."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from aiohttp import web

from local.host.declared import Declared
from local.host.invocation import Invoker
from local.host.queues import shape_for
from local.host.storage_queue import Message
from local.host.timers import Timer

_LIFE = timedelta(days=7)

Fire = Callable[[str], Awaitable[object]]


class Admin:
    """Answers below /admin/."""

    def __init__(self, by_hand: Mapping[str, Fire]) -> None:
        self._by_hand = {name.lower(): fire for name, fire in by_hand.items()}
        self._running: set[asyncio.Future[object]] = set()

    async def handle(self, request: web.BaseRequest, path: str) -> web.Response:
        """Answers `GET /admin/host/status` and `POST /admin/functions/NAME`."""
        if request.method == "GET" and path.lower() == "/admin/host/status":
            return web.json_response({"state": "Running"})
        kind, _, name = path[len("/admin/") :].partition("/")
        # https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
        fire = self._by_hand.get(name.lower()) if kind.lower() == "functions" and request.method == "POST" else None
        if fire is None:
            return web.Response(status=404)
        try:
            given = json.loads(await request.content.read())["input"]
        except (ValueError, KeyError, TypeError):
            return web.Response(status=400, text='The body must be JSON with the key "input".')
        self._start(fire(given if isinstance(given, str) else json.dumps(given)))
        return web.Response(status=202)

    async def finish(self) -> None:
        """Waits for what was fired by hand."""
        if self._running:
            await asyncio.wait(self._running)

    def _start(self, call: Awaitable[object]) -> None:
        task = asyncio.ensure_future(call)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def fire_timer(timer: Timer) -> Fire:
    """Fires a timer's function, whatever is given."""
    return lambda _: timer.fire(past_due=False)


def fire_queue(function: Declared, invoker: Invoker) -> Fire:
    """Calls a queue function with the given text as its message."""
    shape = shape_for(function)

    async def fire(text: str) -> object:
        now = datetime.now(UTC)
        message = Message(str(uuid.uuid4()), text, "", 1, now, now + _LIFE, now)
        return await invoker.invoke(function, shape(message, text.encode()))

    return fire
