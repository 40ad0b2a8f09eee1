"""Deliveries: `/v1/deliveries`, the log of what was sent where and how it went."""

import azure.functions as func

from functions.requests import endpoint, parse, parse_query, respond
from shared import bootstrap
from shared.domain.deliveries import DeliveryQuery
from shared.domain.replays import NewReplay
from shared.domain.tokens import Action, Group, Scope

bp = func.Blueprint()


@bp.function_name("deliveries_list")
@bp.route("v1/deliveries", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.READ, Group.WEBHOOK, account_in_query=True)
def deliveries_list(req: func.HttpRequest) -> func.HttpResponse:
    """Lists deliveries, the newest day first, by account, event id, webhook or state."""
    return respond(bootstrap.relay().deliveries.page(parse_query(DeliveryQuery, req)))


@bp.function_name("deliveries_show")
@bp.route("v1/deliveries/{delivery}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.READ, Group.WEBHOOK)
def deliveries_show(req: func.HttpRequest) -> func.HttpResponse:
    """Shows one delivery with its attempts and its payload."""
    return respond(bootstrap.relay().deliveries.show(req.route_params["delivery"]))


@bp.function_name("deliveries_replay")
@bp.route("v1/deliveries/replay", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.WEBHOOK)
def deliveries_replay(req: func.HttpRequest) -> func.HttpResponse:
    """Has a webhook's deliveries of a time attempted again, at a pace; a dry run counts them."""
    return respond(bootstrap.relay().replays.start(parse(NewReplay, req)))


@bp.function_name("deliveries_resend")
@bp.route("v1/deliveries/{delivery}/resend", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.WEBHOOK)
def deliveries_resend(req: func.HttpRequest) -> func.HttpResponse:
    """Has one delivery attempted again."""
    return respond(bootstrap.relay().replays.resend(req.route_params["delivery"]))
