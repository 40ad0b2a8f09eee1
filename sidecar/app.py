"""The sidecar's HTTP application: what a container's health check asks, and mail for those who have the key."""

from collections.abc import Sequence

from aiohttp import web

from shared.ports.machine import Log
from sidecar.api import add_routes
from sidecar.service import MailService
from sidecar.supervisor import Supervisor


def application(supervisor: Supervisor, mail: MailService, keys: Sequence[str], log: Log) -> web.Application:
    """Returns the application; without *keys* it serves no mail."""
    app = web.Application()
    app.add_routes(routes(supervisor))
    if keys:
        add_routes(app, mail, keys, log)
    return app


def routes(supervisor: Supervisor) -> list[web.RouteDef]:
    """Returns every route."""

    async def health(_: web.Request) -> web.Response:
        age, sessions = supervisor.beat_age, supervisor.sessions
        told = {
            "replica": supervisor.me,
            "healthy": supervisor.healthy,
            "lastBeatSeconds": None if age is None else round(age, 1),
            "shards": supervisor.shards,
            "sessions": len(sessions),
            "connected": sum(session.connected for session in sessions),
        }
        return web.json_response(told, status=200 if supervisor.healthy else 503)

    async def alive(_: web.Request) -> web.Response:
        # Whoever restarts what does not live asks here: while storage is away a restart would mend nothing, and what is
        # restarted in vain is started ever more seldom.
        # https://learn.microsoft.com/azure/container-apps/health-probes
        return web.Response()

    return [web.get("/health", health), web.get("/alive", alive)]
