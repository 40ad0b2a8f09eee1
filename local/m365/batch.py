"""A JSON batch: up to twenty requests in one, each judged for itself."""

import asyncio
import base64
import json
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from multidict import CIMultiDict

from local.m365.calls import Call, Reply, messages_of, read_target
from local.m365.errors import bad_request
from local.m365.world import World

# https://learn.microsoft.com/graph/json-batching
MOST = 20

Answer = Callable[[Call], Awaitable[Reply]]


async def run(call: Call, answer: Answer, world: World) -> Reply:
    """Answers the inner requests, and lists the responses in no particular order."""
    requests = _checked(call.json().get("requests"))
    if any(request.get("dependsOn") for request in requests):
        responses = await _in_order(call, requests, answer)
    else:
        responses = await _side_by_side(call, requests, answer, world.behaviour.batch_concurrency)
    random.shuffle(responses)
    about = {request["id"]: messages_of(_inner(call, request)) for request in requests}
    kept = [response for response in responses if not world.faults.strikes("inner_missing", about[response["id"]])]
    return Reply(body={"responses": kept})


def _checked(requests: Any) -> list[dict[str, Any]]:
    if not isinstance(requests, list) or not requests:
        raise bad_request("Invalid batch payload format.")
    if len(requests) > MOST:
        raise bad_request(f"Number of batch requests ({len(requests)}) exceeds the maximum of {MOST}.")
    ids = [request.get("id") for request in requests]
    if None in ids or len(set(ids)) != len(ids) or not all(request.get("url") for request in requests):
        raise bad_request("Every request needs an id of its own, a method and a url.")
    return requests


async def _side_by_side(call: Call, requests: list[dict[str, Any]], answer: Answer, most: int) -> list[dict[str, Any]]:
    # Graph itself hands Outlook four requests of a batch at a time for each mailbox.
    gates: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(most))

    async def one(request: dict[str, Any]) -> dict[str, Any]:
        inner = _inner(call, request)
        async with gates["/".join(inner.segments[:2]).lower()]:
            return _response(request, await answer(inner))

    return list(await asyncio.gather(*(one(request) for request in requests)))


async def _in_order(call: Call, requests: list[dict[str, Any]], answer: Answer) -> list[dict[str, Any]]:
    responses: dict[str, dict[str, Any]] = {}
    waiting = list(requests)
    while waiting:
        ready = next((one for one in waiting if all(name in responses for name in one.get("dependsOn", ()))), None)
        if ready is None:
            raise bad_request("Invalid dependsOn.")
        waiting.remove(ready)
        if any(responses[name]["status"] >= 400 for name in ready.get("dependsOn", ())):
            error = {"code": "FailedDependency", "message": "A request that this one depends on failed."}
            responses[ready["id"]] = _response(ready, Reply(424, {"error": error}))
        else:
            responses[ready["id"]] = _response(ready, await answer(_inner(call, ready)))
    return list(responses.values())


def _inner(call: Call, request: dict[str, Any]) -> Call:
    segments, query = read_target(request["url"])
    body = request.get("body", "")
    # MIME travels as text here as well as in a request of its own: base64.
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    headers = CIMultiDict({str(name): str(value) for name, value in request.get("headers", {}).items()})
    method = str(request.get("method", "GET")).upper()
    return Call(method, segments, query, headers, raw, call.base, call.caller)


def _response(request: dict[str, Any], reply: Reply) -> dict[str, Any]:
    headers = {"Cache-Control": "private", **reply.headers}
    response: dict[str, Any] = {"id": request["id"], "status": reply.status, "headers": headers}
    if isinstance(reply.body, bytes):
        response["body"] = base64.b64encode(reply.body).decode()
    elif reply.body is not None:
        headers["Content-Type"] = "application/json"
        response["body"] = reply.body
    return response
