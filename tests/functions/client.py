"""A client of the API, in the process of the app: requests are routed, read and answered by the local host's code."""

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn
from unittest.mock import Mock
from urllib.parse import quote, urlencode

from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Response
from azure.core.exceptions import ResourceExistsError
from azure.functions.queue import QueueMessage
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from local.host.admin import Admin
from local.host.declared import Declared
from local.host.http import HttpFace
from local.host.invocation import Invoker
from local.host.routes import Router

_ROUNDS = 20
_PUMPED = ("jobs", "changes")
_QUEUES = (*_PUMPED, "retries")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body, parsed."""
        return json.loads(self.body)


class Client:
    """Calls the app's functions, and works off its queues when told to."""

    def __init__(self, functions: list[Declared], storage: str, token: str) -> None:
        self._functions = {function.name: function for function in functions}
        self._invoker = Invoker(ThreadPoolExecutor(4), "", None, _no_output)
        http = [function for function in functions if function.trigger.type == "httpTrigger"]
        self._face = HttpFace(Router(http, ""), self._invoker, Admin({}))
        self._storage = storage
        self._queues: dict[str, QueueClient] = {}
        self._token = token
        self._runner = asyncio.Runner()

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = "",
    ) -> Answer:
        """
        Send one request; *path* is taken as it is, and a *body* that is not bytes goes as JSON.

        The first token goes with it, or another *token*, or None.
        """
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        asked = f"{path}?{urlencode(query)}" if query else path
        bearer = self._token if token == "" else token
        own = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        given = {"Host": "relay.example.com", "Content-Length": str(len(sent)), **own, **(headers or {})}
        return self._runner.run(self._answer(method, asked, given, sent))

    def get(self, path: str, **query: object) -> Answer:
        """Ask for something."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: object) -> Answer:
        """Make something."""
        return self.call("POST", path, body)

    def put(self, path: str, body: object) -> Answer:
        """Change something."""
        return self.call("PUT", path, body)

    def delete(self, path: str, **query: object) -> Answer:
        """Remove something."""
        return self.call("DELETE", path, query=query)

    def pump(self) -> None:
        """Work off the jobs and changes that are due, and what they put on the queues in turn."""
        for _ in range(_ROUNDS):
            if not sum(self._round(name) for name in _PUMPED):
                return
        raise AssertionError("The queues do not run dry.")

    def forget(self) -> None:
        """Throw away what is queued, also what is hidden yet and would come to light in the middle of a test."""
        for name in _QUEUES:
            self._queue(name).clear_messages()

    def close(self) -> None:
        """End the event loop, and close the way to the queues."""
        self._runner.close()
        for queue in self._queues.values():
            queue.close()

    async def _answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        stream = StreamReader(Mock(_reading_paused=False), 2**16, loop=asyncio.get_running_loop())
        stream.feed_data(body)
        stream.feed_eof()
        answered = await self._face.handle(make_mocked_request(method, path, headers=headers, payload=stream))
        assert isinstance(answered, Response)
        payload = answered.body
        return Answer(answered.status, answered.headers, payload if isinstance(payload, bytes) else b"")

    def run(self, function: str, body: bytes, *, dequeue_count: int = 1) -> None:
        """Hand a queue message to its function."""
        given = QueueMessage(id="message", body=body, dequeue_count=dequeue_count)
        outcome = self._runner.run(self._invoker.invoke(self._functions[function], given))
        if outcome.error is not None:
            raise outcome.error

    def drain(self, queue: str) -> list[Any]:
        """Take what is due in a queue away, and return it parsed."""
        taken: list[Any] = []
        self._take(queue, lambda body: taken.append(json.loads(body)))
        return taken

    def _round(self, name: str) -> int:
        return self._take(name, lambda body: self.run(name, body))

    def _take(self, name: str, use: Callable[[bytes], None]) -> int:
        queue = self._queue(name)
        taken = 0
        for message in queue.receive_messages(messages_per_page=32, visibility_timeout=60):
            use(str(message.content).encode())
            queue.delete_message(message)
            taken += 1
        return taken

    def _queue(self, name: str) -> QueueClient:
        if name not in self._queues:
            decoded = TextBase64DecodePolicy()
            queue = QueueClient.from_connection_string(self._storage, name, message_decode_policy=decoded)
            with suppress(ResourceExistsError):
                queue.create_queue()
            self._queues[name] = queue
        return self._queues[name]


def path_to(*parts: str) -> str:
    """Return a path with each part percent-encoded, slashes too."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def fields(answer: Answer) -> dict[str, str]:
    """Return the fields that a 400 names, with what it says of each."""
    body = answer.json()
    assert (answer.status, body["statusCode"], body["error"]) == (400, 400, "Bad Request"), body
    return {field["key"]: field["message"] for field in body["fields"]}


async def _no_output(*_: object) -> NoReturn:
    raise AssertionError("No function has an output binding.")
