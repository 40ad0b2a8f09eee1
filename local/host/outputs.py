"""Queue output bindings: func.Out and $return."""

import base64
import json
from collections.abc import Iterable
from typing import Any

import aiohttp
import azure.functions as func

from local.host import connections, queues
from local.host.declared import Binding
from local.host.storage_queue import StorageQueue


class QueueOutputs:
    """Writes what a function set, after it has succeeded and before its own message is deleted."""

    def __init__(self, session: aiohttp.ClientSession, *, base64_encoded: bool) -> None:
        self._session = session
        self._base64 = base64_encoded
        self._queues: dict[tuple[str, str], StorageQueue] = {}

    async def write(self, binding: Binding, value: Any) -> None:
        """Puts one message, or one for each item of a list."""
        if binding.type != "queue":
            raise TypeError(f"this host writes no {binding.type} output ({binding.name})")
        queue = self._queue(binding)
        for body in bodies(value):
            await queues.put(queue, base64.b64encode(body).decode() if self._base64 else body.decode())

    def _queue(self, binding: Binding) -> StorageQueue:
        key = (str(binding.properties.get("connection", "")), str(binding.properties["queueName"]))
        if key not in self._queues:
            self._queues[key] = StorageQueue(self._session, connections.resolve(key[0]), key[1])
        return self._queues[key]


def bodies(value: Any) -> list[bytes]:
    """Returns the messages that an output value stands for."""
    if isinstance(value, str):
        return [value.encode()]
    if isinstance(value, bytes):
        return [value]
    if isinstance(value, func.QueueMessage):
        return [value.get_body()]
    if isinstance(value, dict):
        return [json.dumps(value).encode()]
    if isinstance(value, Iterable):
        return [body for item in value for body in bodies(item)]
    raise TypeError(f"a queue output takes str, bytes, func.QueueMessage or a list of them, not {type(value).__name__}")
