"""What Graph's answers mean: pure functions from an answer to what the caller should be told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.domain.deliveries import read_retry_after
from shared.domain.errors import MailboxRefused, RelayError, TryLater

BAD_REQUEST = 400
FORBIDDEN = 403
NOT_FOUND = 404
CONFLICT = 409
GONE = 410
FAILED_DEPENDENCY = 424
_UNAUTHORIZED = 401
_TIMED_OUT = 408
_THROTTLED = 429
_BROKEN = 500
_MULTIPLE_CHOICES = 300

_PERMISSION = (
    "Grant the application permission Mail.Read (with admin consent), and check that neither Exchange's RBAC for "
    "Applications nor an application access policy leaves this mailbox out; such a change takes up to two hours."
)
_UNKNOWN = "Check the address: the tenant has no such mailbox."
_NOT_ONLINE = "Give the mailbox an Exchange Online licence: it is on premises, unlicensed, inactive or deleted."
_REQUEST = "Microsoft Graph rejects the request as it stands; its sentence says why."

# https://learn.microsoft.com/graph/errors
_MAILBOX = {
    "ErrorInvalidUser": _UNKNOWN,
    "ResourceNotFound": _UNKNOWN,
    "Request_ResourceNotFound": _UNKNOWN,
    "ErrorNonExistentMailbox": _UNKNOWN,
    "MailboxNotEnabledForRESTAPI": _NOT_ONLINE,
    "MailboxNotSupportedForRESTAPI": _NOT_ONLINE,
    "ErrorMailboxNotEnabledForRESTAPI": _NOT_ONLINE,
}
_PASSING = frozenset(
    {"ErrorMailboxMoveInProgress", "ErrorMailboxStoreUnavailable", "ErrorServerBusy", "ErrorTimeoutExpired"}
)
# Subscriptions wrap what Exchange said: "Operation: Create; Exception: [Status Code: Forbidden; Reason: ...]".
_INNER_STATUS = re.compile(r"Status Code:\s*(\w+)")
_INNER = {
    "BadRequest": BAD_REQUEST,
    "Unauthorized": FORBIDDEN,
    "Forbidden": FORBIDDEN,
    "NotFound": NOT_FOUND,
    "TooManyRequests": _THROTTLED,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What Graph answered; `body` is the decoded JSON, None where there was none."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def good(self) -> bool:
        """Tells whether Graph did what it was asked."""
        return self.status < _MULTIPLE_CHOICES


def code_of(answer: Answer) -> str:
    """Returns Graph's code for what went wrong, or nothing."""
    return str(_error(answer).get("code") or "")


def message_of(answer: Answer) -> str:
    """Returns Graph's sentence about what went wrong, or nothing."""
    return str(_error(answer).get("message") or "")


def content(answer: Answer, now: datetime) -> dict[str, Any]:
    """Returns the body of a good answer; raises what `read_error` makes of any other."""
    if not answer.good:
        raise read_error(answer, now)
    if not isinstance(answer.body, dict):
        # Seen in the field: 200 without a body, where asking again brings one.
        raise TryLater("Microsoft Graph answered without a body.")
    return answer.body


def read_error(answer: Answer, now: datetime) -> RelayError:
    """Returns MailboxRefused where a human must mend something, else TryLater."""
    code, message = code_of(answer), message_of(answer)
    status = _INNER.get(inner_status(message), _BROKEN) if code == "ExtensionError" else answer.status
    said = f"{code}: {message}" if code else f"it answered {answer.status}"
    if _passes(status) or code in _PASSING:
        wait = read_retry_after(_header(answer, "Retry-After"), now)
        return TryLater(f"Microsoft Graph cannot answer now ({said})", wait)
    mend = _MAILBOX.get(code) or {FORBIDDEN: _PERMISSION, NOT_FOUND: _absent(message)}.get(status, _REQUEST)
    return MailboxRefused(said, reason=code or str(answer.status), mend=mend)


def inner_status(message: str) -> str:
    """Returns the status that an ExtensionError wraps (`Forbidden`), or nothing."""
    found = _INNER_STATUS.search(message)
    return found.group(1) if found else ""


def _passes(status: int) -> bool:
    # 401 comes here only after a fresh token was refused too, as in the minutes after a consent.
    passing = {_UNAUTHORIZED, _TIMED_OUT, CONFLICT, FAILED_DEPENDENCY, _THROTTLED}
    return status in passing or status >= _BROKEN or status < BAD_REQUEST


def _absent(message: str) -> str:
    return _NOT_ONLINE if "REST API is not yet supported" in message else _UNKNOWN


def _header(answer: Answer, name: str) -> str | None:
    # Inside a batch headers are plain JSON, in whatever case Graph writes them.
    return next((value for key, value in answer.headers.items() if key.lower() == name.lower()), None)


def _error(answer: Answer) -> Mapping[str, Any]:
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    return error if isinstance(error, dict) else {}
