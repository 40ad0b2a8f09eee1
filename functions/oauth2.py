"""OAuth2 applications: `/v1/oauth2`."""

from typing import Annotated

import azure.functions as func
from pydantic import Field

from functions.requests import endpoint, parse, parse_query, respond
from shared import bootstrap
from shared.domain.fields import Flag
from shared.domain.models import ApiModel
from shared.domain.oauth2 import NewOAuth2App, OAuth2AppChange
from shared.domain.tokens import Action, Group, Scope
from shared.domain.verification import Verification

bp = func.Blueprint()


class Paging(ApiModel):
    """A numbered page, as EmailEngine counts them."""

    page: Annotated[int, Field(ge=0, le=1_048_576)] = 0
    page_size: Annotated[int, Field(ge=1, le=1000)] = 20


class Removal(ApiModel):
    """The query of a removal: `force` removes an application that accounts still use."""

    force: Flag = False


@bp.function_name("oauth2_register")
@bp.route("v1/oauth2", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.ADMIN)
def oauth2_register(req: func.HttpRequest) -> func.HttpResponse:
    """Registers an application."""
    return respond({"id": bootstrap.relay().oauth2_apps.register(parse(NewOAuth2App, req)), "created": True})


@bp.function_name("oauth2_list")
@bp.route("v1/oauth2", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.READ, Group.ADMIN)
def oauth2_list(req: func.HttpRequest) -> func.HttpResponse:
    """Lists the applications."""
    paging = parse_query(Paging, req)
    return respond(bootstrap.relay().oauth2_apps.page(paging.page, paging.page_size))


@bp.function_name("oauth2_show")
@bp.route("v1/oauth2/{app}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.READ, Group.ADMIN)
def oauth2_show(req: func.HttpRequest) -> func.HttpResponse:
    """Shows one application."""
    return respond(bootstrap.relay().oauth2_apps.show(req.route_params["app"]))


@bp.function_name("oauth2_change")
@bp.route("v1/oauth2/{app}", methods=["PUT"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.ADMIN)
def oauth2_change(req: func.HttpRequest) -> func.HttpResponse:
    """Changes an application and has its accounts connect anew."""
    app = req.route_params["app"]
    bootstrap.relay().oauth2_apps.change(app, parse(OAuth2AppChange, req))
    return respond({"id": app, "updated": True})


@bp.function_name("oauth2_remove")
@bp.route("v1/oauth2/{app}", methods=["DELETE"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.DESTRUCTIVE, Group.ADMIN)
def oauth2_remove(req: func.HttpRequest) -> func.HttpResponse:
    """Removes an application that no account uses, or any with `force=true`."""
    removal = parse_query(Removal, req, empty=True)
    return respond(bootstrap.relay().oauth2_apps.remove(req.route_params["app"], force=removal.force))


@bp.function_name("oauth2_verify")
@bp.route("v1/oauth2/{app}/verify", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.READ, Group.ADMIN)
def oauth2_verify(req: func.HttpRequest) -> func.HttpResponse:
    """Takes the real steps with an application and says how each went."""
    wanted = parse(Verification, req)
    relay = bootstrap.relay()
    return respond(
        relay.oauth2_apps.verify(req.route_params["app"], wanted.account, test_connection=wanted.test_connection)
    )
