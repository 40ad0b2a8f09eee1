"""Health: `GET /health`."""

from concurrent.futures import ThreadPoolExecutor

import azure.functions as func

from functions.requests import open_endpoint, respond
from functions.threads import in_thread
from shared import bootstrap

bp = func.Blueprint()

_threads = ThreadPoolExecutor(4, "health")


@bp.function_name("health")
@bp.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@open_endpoint
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Tells whether each dependency answers: 200 where all do, 503 otherwise."""
    del req
    healthy, report = await in_thread(_check, _threads)
    return respond(report, 200 if healthy else 503)


def _check() -> tuple[bool, dict[str, object]]:
    return bootstrap.relay().health.check()
