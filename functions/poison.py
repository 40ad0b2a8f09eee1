"""Poison: what the host gave up, kept by a timer, listed, requeued and dismissed at `/v1/poison`."""

import azure.functions as func

from functions.requests import endpoint, parse_query, respond
from shared import bootstrap
from shared.domain.poison import PoisonQuery
from shared.domain.tokens import Action, Group, Scope

bp = func.Blueprint()


@bp.function_name("poison")
@bp.timer_trigger(arg_name="timer", schedule="0 */15 * * * *", run_on_startup=False, use_monitor=True)
def poison(timer: func.TimerRequest) -> None:
    """Moves what was given up from the poison queues into rows, every 15 minutes."""
    del timer
    bootstrap.relay().poison.drain()


@bp.function_name("poison_list")
@bp.route("v1/poison", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.READ, Group.ADMIN)
def poison_list(req: func.HttpRequest) -> func.HttpResponse:
    """Lists the messages that were given up, the newest first."""
    return respond(bootstrap.relay().poison.page(parse_query(PoisonQuery, req)))


@bp.function_name("poison_requeue")
@bp.route("v1/poison/{message}/requeue", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.ADMIN)
def poison_requeue(req: func.HttpRequest) -> func.HttpResponse:
    """Puts a message back on the queue where it failed."""
    return respond(bootstrap.relay().poison.requeue(req.route_params["message"]))


@bp.function_name("poison_dismiss")
@bp.route("v1/poison/{message}", methods=["DELETE"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.DESTRUCTIVE, Group.ADMIN)
def poison_dismiss(req: func.HttpRequest) -> func.HttpResponse:
    """Forgets a message that nobody needs any more."""
    return respond(bootstrap.relay().poison.dismiss(req.route_params["message"]))
