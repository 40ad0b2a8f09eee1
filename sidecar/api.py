"""
The internal API: how the function app reaches mailboxes. Nobody else should reach it; it asks for a key all the same.

Every call is a POST of JSON; what is refused says why, what to do, and when to come back.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from shared.adapters.sidecar import wire
from shared.domain.errors import InvalidRequest, RelayError, TryLater
from shared.domain.failures import explained
from shared.domain.models import ApiModel
from shared.ports.machine import Log
from sidecar.imap.errors import Refusal, as_relay_error
from sidecar.service import MailService, refused_of

_BODY = 256 * 1024
# In base64, with room for what stands around it.
_LONG_BODY = wire.MESSAGE_LIMIT * 4 // 3 + _BODY
# The other end waits a little longer.
_SECONDS = 55.0
_LONG_SECONDS = 290.0
# Above this, taking a body apart would hold up every mailbox that is watched here.
_LARGE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Call:
    name: str
    asked: type[ApiModel]
    answer: Callable[[Any], Awaitable[ApiModel]]
    limit: int = _BODY
    seconds: float = _SECONDS


class _Unauthorized(RelayError):
    code = "Unauthorized"
    status_hint = 401


class _TooLarge(InvalidRequest):
    status_hint = 413


def add_routes(app: web.Application, service: MailService, keys: Sequence[str], log: Log) -> None:
    """Adds the API to *app*, for whoever brings one of *keys*."""
    for call in (
        _Call("read", wire.ReadMany, service.read),
        _Call("folders", wire.FoldersAsked, service.folders),
        _Call("messages", wire.ListAsked, service.messages),
        _Call("flag", wire.FlagAsked, service.flag),
        _Call("move", wire.MoveAsked, service.move),
        _Call("delete", wire.DeleteAsked, service.delete),
        _Call("append", wire.AppendAsked, service.append, _LONG_BODY, _LONG_SECONDS),
        _Call("send", wire.SendAsked, service.send, _LONG_BODY, _LONG_SECONDS),
        _Call("folders/make", wire.FolderAsked, service.make_folder),
        _Call("folders/remove", wire.FolderAsked, service.remove_folder),
    ):
        app.router.add_post(f"{wire.PREFIX}{call.name}", _handler(call, keys, log))


def _handler(call: _Call, keys: Sequence[str], log: Log) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        started = monotonic()
        status, answer = await _answer(call, request, keys, log)
        body = await asyncio.to_thread(wire.encode, answer)
        log.event("mailbox.called", call=call.name, status=status, milliseconds=int((monotonic() - started) * 1000))
        return web.Response(status=status, body=body, content_type="application/json")

    return handle


async def _answer(call: _Call, request: web.Request, keys: Sequence[str], log: Log) -> tuple[int, ApiModel]:
    try:
        _admit(request, keys)
        asked = await _asked(call, await _body(request, call.limit))
        async with asyncio.timeout(call.seconds):
            return HTTPStatus.OK, await call.answer(asked)
    except Refusal as refused:
        return as_relay_error(refused).status_hint, refused_of(refused)
    except RelayError as failed:
        return failed.status_hint, wire.Refused.of(failed)
    except TimeoutError:
        late = TryLater("The mail server is too slow just now.")
        return late.status_hint, wire.Refused.of(late)
    except Exception as problem:  # noqa: BLE001  whatever it is, the caller is told, and tries again
        log.problem("mailbox.call_failed", call=call.name, **explained(problem))
        return HTTPStatus.INTERNAL_SERVER_ERROR, wire.Refused.of(TryLater("The sidecar failed; its log says why."))


def _admit(request: web.Request, keys: Sequence[str]) -> None:
    given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    if not any([hmac.compare_digest(given, f"Bearer {key}".encode()) for key in keys]):  # noqa: C419  all, in the same time
        raise _Unauthorized("The key is missing or wrong.")


async def _body(request: web.Request, limit: int) -> bytes:
    too_large = _TooLarge(message=f"The request is larger than {limit} bytes.")
    if (request.content_length or 0) > limit:
        raise too_large
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > limit:
            raise too_large
    return bytes(body)


async def _asked(call: _Call, body: bytes) -> ApiModel:
    try:
        if len(body) < _LARGE:
            return wire.decode(call.asked, body)
        return await asyncio.to_thread(wire.decode, call.asked, body)
    except ValidationError as refused:
        # Where it is wrong, not what stands there: that may be mail.
        places = {".".join(map(str, problem["loc"])) or "body" for problem in refused.errors(include_input=False)}
        raise InvalidRequest(message=f"Cannot be right: {', '.join(sorted(places)[:10])}.") from None
