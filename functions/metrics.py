"""Metrics: `GET /metrics` for a scraper, and the timer that measures the backlog for the alerts."""

import azure.functions as func

from functions.requests import endpoint
from shared import bootstrap
from shared.domain.exposition import CONTENT_TYPE
from shared.domain.tokens import Action, Group, Scope

bp = func.Blueprint()


@bp.function_name("metrics")
@bp.route("metrics", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.METRICS, Action.READ, Group.ADMIN)
def metrics(req: func.HttpRequest) -> func.HttpResponse:
    """Tells all metrics in Prometheus' text format."""
    del req
    return func.HttpResponse(bootstrap.relay().metrics.text(), headers={"Content-Type": CONTENT_TYPE})


@bp.function_name("measure")
@bp.timer_trigger(arg_name="timer", schedule="0 2-59/5 * * * *", run_on_startup=False, use_monitor=True)
def measure(timer: func.TimerRequest) -> None:
    """Writes the backlog to the log every 5 minutes, two after `timers`."""
    del timer
    bootstrap.relay().metrics.measure()
