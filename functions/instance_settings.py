"""Instance settings: `/v1/settings`."""

import azure.functions as func

from functions.requests import endpoint, parse, parse_query, respond
from shared import bootstrap
from shared.domain.instance_settings import InstanceSettingsChange, InstanceSettingsQuery
from shared.domain.tokens import Action, Group, Scope

bp = func.Blueprint()


@bp.function_name("settings_show")
@bp.route("v1/settings", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.READ, Group.ADMIN)
def settings_show(req: func.HttpRequest) -> func.HttpResponse:
    """Shows the settings that the query names."""
    return respond(bootstrap.relay().instance_settings.show(parse_query(InstanceSettingsQuery, req, empty=True)))


@bp.function_name("settings_change")
@bp.route("v1/settings", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.ADMIN)
def settings_change(req: func.HttpRequest) -> func.HttpResponse:
    """Changes the settings that the body names."""
    return respond({"updated": bootstrap.relay().instance_settings.change(parse(InstanceSettingsChange, req))})
