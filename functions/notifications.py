"""
Notifications: what Graph posts, `POST /oauth/msg/notification` and `POST /oauth/msg/lifecycle`.

Asynchronous and light, because Graph waits 3 seconds and drops what slow endpoints miss.
"""

import azure.functions as func

from functions.requests import open_endpoint
from shared import bootstrap
from shared.domain.errors import FieldProblem, InvalidRequest, RequestTooLarge

bp = func.Blueprint()

_LONGEST_TOKEN = 4096
# Graph says nowhere how much it posts at once. This is thousands of changes, and a stranger's costs little to read.
_LARGEST_BODY = 16 * 1024 * 1024


@bp.function_name("notifications")
@bp.route("oauth/msg/notification", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@open_endpoint
async def notifications(req: func.HttpRequest) -> func.HttpResponse:
    """Echoes a validation token, or queues what a notification says; 202 once it is stored."""
    if (token := req.params.get("validationToken")) is not None:
        return _echo(token)
    await bootstrap.ingress().notifications.accept(_body(req))
    return func.HttpResponse(status_code=202)


@bp.function_name("notifications_lifecycle")
@bp.route("oauth/msg/lifecycle", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@open_endpoint
async def notifications_lifecycle(req: func.HttpRequest) -> func.HttpResponse:
    """Echoes a validation token, or queues what a lifecycle notification asks for; 202 once it is stored."""
    if (token := req.params.get("validationToken")) is not None:
        return _echo(token)
    await bootstrap.ingress().notifications.accept_lifecycle(_body(req))
    return func.HttpResponse(status_code=202)


def _body(req: func.HttpRequest) -> bytes:
    body = req.get_body()
    if len(body) > _LARGEST_BODY:
        raise RequestTooLarge(_LARGEST_BODY)
    return body


def _echo(token: str) -> func.HttpResponse:
    # https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation
    # The host has form-decoded the query, exactly once. A token is plain text; whatever could be markup is none.
    if len(token) > _LONGEST_TOKEN or "<" in token:
        raise InvalidRequest(FieldProblem("validationToken", '"validationToken" is not one that Microsoft Graph sends'))
    return func.HttpResponse(
        token, mimetype="text/plain", charset="utf-8", headers={"X-Content-Type-Options": "nosniff"}
    )
