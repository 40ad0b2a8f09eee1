"""Graph's refusals, in the shape that its clients read."""

import uuid
from typing import Any

from local.m365 import moments


class GraphError(Exception):
    """A refusal with its status, its code and its sentence."""

    def __init__(self, status: int, code: str, message: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def body(self, client_request_id: str | None) -> dict[str, Any]:
        """The JSON that Graph sends with it."""
        # https://learn.microsoft.com/graph/errors
        request_id = str(uuid.uuid4())
        inner = {
            "date": moments.now().strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": client_request_id or request_id,
        }
        return {"error": {"code": self.code, "message": self.message, "innerError": inner}}


def item_not_found() -> GraphError:
    """A message, folder or attachment that is not, or no longer, there."""
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def access_denied() -> GraphError:
    """A token that lacks the permission for this mailbox."""
    return GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def bad_request(message: str, *, code: str = "BadRequest") -> GraphError:
    """A request that cannot be understood."""
    return GraphError(400, code, message)


def throttled(seconds: float, *, code: str = "TooManyRequests", message: str = "Too many requests.") -> GraphError:
    """A call above a limit, with how long to wait."""
    return GraphError(429, code, message, headers={"Retry-After": str(max(1, round(seconds)))})


def unavailable() -> GraphError:
    """A service that has a bad moment."""
    return GraphError(
        503, "ServiceUnavailable", "The service is temporarily unavailable.", headers={"Retry-After": "1"}
    )
