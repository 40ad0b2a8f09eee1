"""The HTTP skin: one port for Entra ID, Graph, the managed identity endpoint and the control API."""

import json
import uuid
from collections.abc import AsyncIterator

from aiohttp import ClientSession, DummyCookieJar, TCPConnector, web

from local.m365 import authorize, entra
from local.m365.calls import Call, Reply, messages_of, read_target
from local.m365.control_api import Control, Refused
from local.m365.errors import GraphError
from local.m365.graph import Graph, refusal
from local.m365.world import World

LARGEST_BODY = 64 * 1024 * 1024
LOOPBACK = {"127.0.0.1", "::1"}


class Server:
    """Turns HTTP requests into calls, and replies into HTTP answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._graph = Graph(world)
        self._control = Control(world)

    def application(self) -> web.Application:
        """The routes; what none of them serves is Entra's."""
        application = web.Application(client_max_size=LARGEST_BODY)
        application.cleanup_ctx.append(self._session)
        routes = application.router
        routes.add_route("*", "/v1.0/{rest:.*}", self._serve_graph)
        routes.add_post("/_m365/{command}", self._serve_control)
        routes.add_get("/msi/token", self._serve_managed_identity)
        routes.add_get("/{authority}/v2.0/.well-known/openid-configuration", self._serve_configuration)
        routes.add_get("/{authority}/discovery/v2.0/keys", self._serve_keys)
        routes.add_post("/{authority}/oauth2/v2.0/token", self._serve_token)
        routes.add_get("/{authority}/oauth2/v2.0/authorize", self._serve_authorize)
        routes.add_post("/{authority}/login", self._serve_login)
        routes.add_post("/{authority}/Consent/Set", self._serve_consent)
        return application

    async def _session(self, application: web.Application) -> AsyncIterator[None]:
        del application
        # An endpoint of the local stack shows a certificate that no public authority signed.
        connector = TCPConnector(limit=0, ssl=False, keepalive_timeout=60)
        async with ClientSession(connector=connector, cookie_jar=DummyCookieJar()) as session:
            self._world.notifier.client = session
            yield
            self._world.notifier.reset()

    async def _serve_graph(self, request: web.Request) -> web.Response:
        segments, query = read_target(request.raw_path)
        try:
            caller = self._world.tokens.caller(request.headers.get("Authorization", ""))
        except GraphError as exc:
            error = Reply(exc.status, exc.body(request.headers.get("client-request-id")), exc.headers)
            return _response(error, request)
        body = await request.read()
        call = Call(request.method, segments[1:], query, request.headers, body, _base(request), caller)
        if self._world.faults.strikes("connection_reset", messages_of(call)) and request.transport is not None:
            request.transport.abort()
            return web.Response(status=500)
        try:
            return _response(await self._graph.answer(call), request)
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            # A request that no real client sends, such as a number where Graph wants an object.
            malformed = GraphError(400, "BadRequest", f"Malformed request: {exc!r}.")
            return _response(refusal(malformed, call), request)

    async def _serve_configuration(self, request: web.Request) -> web.Response:
        authority = request.match_info["authority"]
        return _response(entra.configuration(self._world, authority, _base(request)), request)

    async def _serve_keys(self, request: web.Request) -> web.Response:
        return _response(entra.keys(self._world), request)

    async def _serve_token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        reply = entra.token(self._world, request.match_info["authority"], _base(request), form)
        return _response(reply, request)

    async def _serve_authorize(self, request: web.Request) -> web.Response:
        return _response(authorize.open_page(self._world, request.match_info["authority"], request.query), request)

    async def _serve_login(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        return _response(authorize.choose(self._world, form), request)

    async def _serve_consent(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        return _response(authorize.consent(self._world, form), request)

    async def _serve_managed_identity(self, request: web.Request) -> web.Response:
        header = request.headers.get("X-IDENTITY-HEADER", "")
        return _response(entra.managed_identity(self._world, header, request.query), request)

    async def _serve_control(self, request: web.Request) -> web.Response:
        if request.remote not in LOOPBACK:
            return web.Response(status=403)
        try:
            body = await self._control.run(request.match_info["command"], await request.json())
        except (Refused, GraphError, ValueError, TypeError, KeyError) as exc:
            return web.json_response({"error": f"{type(exc).__name__}: {exc}"}, status=400)
        return web.json_response(body)


def _base(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"


def _response(reply: Reply, request: web.Request) -> web.Response:
    headers = dict(reply.headers)
    headers["request-id"] = str(uuid.uuid4())
    if "client-request-id" in request.headers:
        headers["client-request-id"] = request.headers["client-request-id"]
    if isinstance(reply.body, bytes):
        return web.Response(status=reply.status, body=reply.body, headers=headers)
    if reply.body is None:
        return web.Response(status=reply.status, headers=headers)
    headers["Content-Type"] = "application/json; charset=utf-8"
    return web.Response(status=reply.status, body=json.dumps(reply.body).encode(), headers=headers)
