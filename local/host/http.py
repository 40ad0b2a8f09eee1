"""The HTTP face: requests as the worker receives them, answers as the host sends them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import azure.functions as func
from aiohttp import web
from azure.functions.decorators.core import AuthLevel
from azure.functions.http import HttpRequest
from multidict import CIMultiDict

from local.host.admin import Admin
from local.host.invocation import Invoker
from local.host.keys import Keys
from local.host.routes import Found, Router

_log = logging.getLogger("Host.Http")

BODY_LIMIT = 100 * 1024 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_HOP_BY_HOP = frozenset(("content-length", "transfer-encoding", "connection"))


@dataclass(frozen=True)
class HttpFace:
    """Answers every request: the host's own pages, a function, or 404."""

    router: Router
    invoker: Invoker
    admin: Admin
    keys: Keys | None = None  # without keys every request passes, as with `func start`

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Finds the function by method and path, calls it, and shapes its answer."""
        raw_path, _, query = request.raw_path.partition("?")
        if raw_path[:7].lower() == "/admin/":
            if not self._admits("admin", request, query):
                return web.Response(status=401)
            return await self.admin.handle(request, raw_path)
        found = self.router.find(request.method, raw_path)
        if found is None:
            return web.Response(status=204 if raw_path == "/" else 404)
        level = found.function.trigger.properties.get("authLevel", AuthLevel.FUNCTION)
        if not self._admits(level.value, request, query):
            return web.Response(status=401)
        return await self._call(found, request, query)

    async def _call(self, found: Found, request: web.BaseRequest, query: str) -> web.Response:
        if (request.content_length or 0) > BODY_LIMIT:
            return web.Response(status=413)
        value = await read(request, query, found.route_params)
        outcome = await self.invoker.invoke(found.function, value)
        answer = None if outcome.error is not None else respond(outcome.value)
        if answer is None and outcome.error is None:
            kind = type(outcome.value).__name__
            _log.error("Function %s returned %s, which is no HTTP answer.", found.function.name, kind)
        return answer or web.Response(status=500)

    def _admits(self, level: str, request: web.BaseRequest, query: str) -> bool:
        return self.keys is None or self.keys.admits(level, request.headers, query)


async def read(request: web.BaseRequest, query: str, route_params: Mapping[str, str]) -> HttpRequest:
    """
    Builds what the worker hands to a function.

    Names are lower-cased and repeated values comma-joined, empty query values are dropped, and a body without a
    Content-Length is not seen at all. X-Forwarded-For ends with who called, as App Service's front end has it.
    """
    body = b""
    if request.content_length:
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(_CONTINUE)
        body = await request.content.read()
    return HttpRequest(
        method=request.method,
        url=f"{request.scheme}://{request.host}{request.raw_path}",
        headers=joined([*((name.lower(), value) for name, value in request.headers.items()), *_forwarded(request)]),
        params=joined(parse_qsl(query)) if query else {},
        route_params=route_params,
        body_type="bytes",
        body=body,
    )


def _forwarded(request: web.BaseRequest) -> list[tuple[str, str]]:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if peer is None:
        return []
    host, port = peer[:2]
    return [("x-forwarded-for", f"[{host}]:{port}" if ":" in host else f"{host}:{port}")]


def joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Joins the values of a repeated name by a comma."""
    values: dict[str, str] = {}
    for name, value in pairs:
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def respond(value: Any) -> web.Response | None:
    """Turns a function's return value into an answer; None when it is neither HttpResponse nor str."""
    if isinstance(value, str):
        return web.Response(text=value)
    if not isinstance(value, func.HttpResponse):
        return None
    headers = CIMultiDict((name, text) for name, text in value.headers.items() if name.lower() not in _HOP_BY_HOP)
    if "content-type" not in headers:
        charset = f"; charset={value.charset}" if value.mimetype.startswith("text/") else ""
        headers["Content-Type"] = f"{value.mimetype}{charset}"
    return web.Response(body=value.get_body(), status=value.status_code, headers=headers)
