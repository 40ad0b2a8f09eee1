"""Access tokens: `/v1/tokens`, and the older names of the same routes that EmailEngine still answers to."""

import azure.functions as func

from functions.requests import account_of, endpoint, parse, parse_query, respond
from functions.validation import validated
from shared import bootstrap
from shared.domain.tokens import Action, Group, NewToken, Scope, TokenQuery

bp = func.Blueprint()


@bp.function_name("tokens_make")
@bp.route("v1/tokens", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.ADMIN)
def tokens_make(req: func.HttpRequest) -> func.HttpResponse:
    """Makes a token and shows its value, this once."""
    return respond(bootstrap.relay().tokens.make(parse(NewToken, req)))


@bp.function_name("tokens_make_alias")
@bp.route("v1/token", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.ADMIN)
def tokens_make_alias(req: func.HttpRequest) -> func.HttpResponse:
    """Makes a token, under the route's older name."""
    return respond(bootstrap.relay().tokens.make(parse(NewToken, req)))


@bp.function_name("tokens_list")
@bp.route("v1/tokens", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.READ, Group.ADMIN, account_in_query=True)
def tokens_list(req: func.HttpRequest) -> func.HttpResponse:
    """Lists the tokens, without their values."""
    return respond(bootstrap.relay().tokens.page(parse_query(TokenQuery, req)))


@bp.function_name("tokens_list_account_alias")
@bp.route("v1/tokens/account/{account}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.READ, Group.ADMIN)
def tokens_list_account_alias(req: func.HttpRequest) -> func.HttpResponse:
    """Lists the tokens of one account, under the route's older name."""
    query = validated(TokenQuery, {"account": account_of(req), "pageSize": 1000})
    return respond({"tokens": bootstrap.relay().tokens.page(query)["tokens"]})


@bp.function_name("tokens_show")
@bp.route("v1/tokens/{token}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.READ, Group.ADMIN)
def tokens_show(req: func.HttpRequest) -> func.HttpResponse:
    """Shows one token, without its value."""
    return respond(bootstrap.relay().tokens.show(req.route_params["token"]))


@bp.function_name("tokens_revoke")
@bp.route("v1/tokens/{token}", methods=["DELETE"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.DESTRUCTIVE, Group.ADMIN)
def tokens_revoke(req: func.HttpRequest) -> func.HttpResponse:
    """Revokes a token, by its value or its id."""
    return respond({"deleted": bootstrap.relay().tokens.revoke(req.route_params["token"])})


@bp.function_name("tokens_revoke_alias")
@bp.route("v1/token/{token}", methods=["DELETE"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.DESTRUCTIVE, Group.ADMIN)
def tokens_revoke_alias(req: func.HttpRequest) -> func.HttpResponse:
    """Revokes a token, under the route's older name."""
    return respond({"deleted": bootstrap.relay().tokens.revoke(req.route_params["token"])})
