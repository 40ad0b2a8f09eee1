"""What storage's failures mean to us, decided in one place."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from shared.domain.errors import Changed, TryLater

TABLE_NOT_FOUND = "TableNotFound"
QUEUE_NOT_FOUND = "QueueNotFound"
_TAKEN = "EntityAlreadyExists"
_PLACE_NOT_FOUND = frozenset({TABLE_NOT_FOUND, QUEUE_NOT_FOUND})
_REFUSED = frozenset({401, 403})
_WAITING_HELPS = frozenset({408, 409, 429})
_NOT_FOUND = 404
_PRECONDITION_FAILED = 412
_SERVER_ERRORS = 500


@contextmanager
def translated() -> Iterator[None]:
    """Turns what the vendor's library raises inside into our errors."""
    try:
        yield
    except AzureError as error:
        raise translate(error) from error


def translate(error: AzureError) -> Exception:
    """Returns what *error* means to the caller; a request that storage calls wrong is our bug and stays as it is."""
    status = status_of(error)
    code = code_of(error)
    if status in _REFUSED or isinstance(error, ClientAuthenticationError):
        return TryLater(
            f"Storage refuses our identity ({code or 'no sign-in'}). It needs the roles Storage Table Data Contributor "
            "and Storage Queue Data Contributor, and a new role takes some minutes to work."
        )
    if status is None:
        return TryLater(f"Storage cannot be reached ({type(error).__name__}).")
    if _lost_a_race(status, code):
        return Changed(f"The record is another one now, or gone ({status} {code}).")
    if status >= _SERVER_ERRORS or status in _WAITING_HELPS or code in _PLACE_NOT_FOUND:
        return TryLater(f"Storage is busy ({status} {code}).", _retry_after(error))
    return error


def status_of(error: AzureError) -> int | None:
    """Returns the status of storage's answer, or None where there was none."""
    return error.status_code if isinstance(error, HttpResponseError) else None


def code_of(error: AzureError) -> str | None:
    """Returns storage's own word for *error*; the library leaves it out for some operations, the answer does not."""
    known = getattr(error, "error_code", None)
    if known:
        return str(getattr(known, "value", known))
    response = getattr(error, "response", None)
    if response is None:
        return None
    header = response.headers.get("x-ms-error-code")
    if header:
        return str(header)
    try:
        return str(json.loads(response.text())["odata.error"]["code"])
    except (ValueError, KeyError, TypeError):
        return None


def _lost_a_race(status: int, code: str | None) -> bool:
    # A 409 may also say that a table is being deleted, so only this one of them is about a record.
    # https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes
    if code == _TAKEN or status == _PRECONDITION_FAILED:
        return True
    return status == _NOT_FOUND and code not in _PLACE_NOT_FOUND


def _retry_after(error: AzureError) -> timedelta | None:
    response = getattr(error, "response", None)
    value = response.headers.get("Retry-After", "") if response is not None else ""
    return timedelta(seconds=int(value)) if value.isdecimal() else None
