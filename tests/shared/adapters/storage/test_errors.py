"""Storage's failures become ours, each with what the caller does next."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from shared.adapters.storage.errors import translate, translated
from shared.domain.errors import Changed, TryLater


def refused(status: int, code: str, headers: dict[str, str] | None = None) -> HttpResponseError:
    """Return an error as the library raises it, with the code in the body only."""
    body = json.dumps({"odata.error": {"code": code, "message": {"lang": "en-US", "value": "secret"}}})
    response = SimpleNamespace(status_code=status, reason="", headers=headers or {}, text=lambda *_: body)
    return HttpResponseError("secret", response=cast("Any", response))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refused(409, "EntityAlreadyExists"), Changed),
        (refused(412, "UpdateConditionNotSatisfied"), Changed),
        (refused(404, "ResourceNotFound"), Changed),
        (refused(404, "TableNotFound"), TryLater),
        (refused(409, "TableBeingDeleted"), TryLater),
        (refused(403, "AuthorizationPermissionMismatch"), TryLater),
        (refused(408, "RequestTimeout"), TryLater),
        (refused(429, "TooManyRequests"), TryLater),
        (refused(500, "InternalError"), TryLater),
        (refused(503, "ServerBusy"), TryLater),
        (ServiceRequestError("secret"), TryLater),
        (ServiceResponseError("secret"), TryLater),
        (ClientAuthenticationError("secret"), TryLater),
    ],
)
def test_a_failure_says_what_to_do(error: HttpResponseError, kind: type[Exception]) -> None:
    """Each failure of storage has its class of ours, and storage's own text stays behind."""
    with pytest.raises(kind) as raised, translated():
        raise error
    assert raised.value.__cause__ is error
    assert "secret" not in str(raised.value)


def test_our_own_mistakes_stay_loud() -> None:
    """A request that storage calls wrong is raised as it is, so that nobody repeats it for ever."""
    error = refused(400, "PropertyValueTooLarge")
    assert translate(error) is error


def test_storage_may_say_how_long() -> None:
    """A Retry-After of storage is handed on."""
    later = translate(refused(503, "ServerBusy", {"Retry-After": "7"}))
    assert isinstance(later, TryLater)
    assert later.retry_after == timedelta(seconds=7)
