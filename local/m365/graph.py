"""Graph's front: who calls, which half of Graph answers, and what an answer to a refusal looks like."""

import asyncio
from dataclasses import replace

from local.m365.batch import run
from local.m365.calls import Call, Reply, messages_of
from local.m365.errors import GraphError, bad_request, throttled, unavailable
from local.m365.mail import Mail
from local.m365.subscription_calls import SubscriptionCalls
from local.m365.world import World


class Graph:
    """Answers requests below /v1.0."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._mail = Mail(world)
        self._subscriptions = SubscriptionCalls(world)

    async def answer(self, call: Call) -> Reply:
        """Answers a request that came alone, or a batch."""
        try:
            await self._spoil(call)
            if call.segments == ["$batch"] and call.method == "POST":
                self._world.stats.count("batch")
                return await run(call, self._inner, self._world)
            self._world.stats.count("graph")
            reply = await self._route(call)
        except GraphError as exc:
            return refusal(exc, call)
        if call.method == "GET" and self._world.faults.strikes("empty_body"):
            return replace(reply, body=b"")
        return reply

    async def _inner(self, call: Call) -> Reply:
        self._world.stats.count("inner")
        try:
            faults = self._world.faults
            if faults.strikes("inner_429", messages_of(call)):
                raise throttled(faults.option("inner_429", "retry_after", 1), code="ApplicationThrottled")
            if faults.strikes("inner_503", messages_of(call)):
                raise unavailable()
            return await self._route(call)
        except GraphError as exc:
            self._world.stats.count(f"inner_{exc.status}")
            return refusal(exc, call)

    async def _route(self, call: Call) -> Reply:
        match call.segments[0].lower() if call.segments else "":
            case "users":
                return await self._mail.serve(call)
            case "subscriptions":
                return await self._subscriptions.serve(call)
            case "me":
                raise bad_request("/me request is only valid with delegated authentication flow.")
            case other:
                raise bad_request(f"Resource not found for the segment '{other}'.")

    async def _spoil(self, call: Call) -> None:
        faults = self._world.faults
        if faults.strikes("slow_answer", messages_of(call)):
            await asyncio.sleep(float(faults.option("slow_answer", "seconds", 5)))
        if faults.strikes("outer_429", messages_of(call)):
            raise throttled(faults.option("outer_429", "retry_after", 1))
        if faults.strikes("outer_503", messages_of(call)):
            raise unavailable()


def refusal(error: GraphError, call: Call) -> Reply:
    """An error as an answer."""
    return Reply(error.status, error.body(call.headers.get("client-request-id")), error.headers)
