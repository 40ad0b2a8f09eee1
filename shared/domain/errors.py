"""
Everything that goes wrong on purpose, grouped by what the caller does next.

* RelayError
  x InvalidRequest        fix the request: each field that is wrong is named
    + RequestTooLarge     send less
  x NotAuthenticated      send a token that we know
  x Forbidden             use a token that may do this
  x NotFound              name something that exists
    + AccountNotFound
    + OAuth2AppNotFound
    + DeliveryNotFound
    + PoisonNotFound
    + TokenNotFound
  x Conflict              change what stands in the way, or say `force`
    + OAuth2AppInUse
    + NotDeliverable
    + NotRequeueable
  x ServiceUrlMissing     say at which address we are
  x Changed               read again and repeat: somebody else wrote in between
  x TryLater              wait `retry_after`, then repeat
    + NotReachable        make our address reachable; until then we poll
    + NoSidecar           start the sidecar
    + QuotaSpent          nothing is wrong: come back when it is our turn
    + RateLimitExceeded   the token was used often enough for now
    + NewerRecord         deploy the newer version again, which wrote what this one cannot read
  x SignInRefused         a human mends the sign-in; repeating alone does not help
    + GrantRefused        the user signs in again
    + SignInCancelled     the user went away, or declined
  x MailboxRefused        a human mends the mailbox or its permissions
  x NoRoom                end a subscription that nobody needs; until then we poll
  x WorkFailed            try the message again; the log says why
  x Misconfigured         an operator mends the deployment's settings
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.domain.rate_limits import Allowance


@dataclass(frozen=True)
class FieldProblem:
    """One field of a request that is wrong, and what would be right."""

    key: str
    message: str


class RelayError(Exception):
    """The root of every failure that this product raises on purpose."""

    code: str | None = None
    status_hint: int = 500

    def extras(self) -> dict[str, Any]:
        """Returns what the API's error envelope carries besides its message."""
        return {}


class InvalidRequest(RelayError):
    """The request cannot be carried out as it stands; nothing was changed."""

    status_hint = 400

    def __init__(self, *problems: FieldProblem, message: str = "Invalid input") -> None:
        super().__init__(message)
        self.problems: Sequence[FieldProblem] = problems

    def extras(self) -> dict[str, Any]:
        """Returns the wrong fields, as EmailEngine lists them."""
        if not self.problems:
            return {}
        return {"fields": [{"message": problem.message, "key": problem.key} for problem in self.problems]}


class RequestTooLarge(InvalidRequest):
    """The body is larger than anything that is asked for."""

    status_hint = 413

    def __init__(self, largest: int) -> None:
        super().__init__(message=f"The body must be {largest} bytes or fewer.")


class NotAuthenticated(RelayError):
    """No token came with the request, or one that nobody issued."""

    status_hint = 401


class Forbidden(RelayError):
    """The token is known, and does not reach this far."""

    status_hint = 403

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details

    def extras(self) -> dict[str, Any]:
        """Returns what was asked for in vain."""
        return dict(self.details)


class NotFound(RelayError):
    """Nothing is stored under the given name."""

    code: str | None = "NotFound"
    status_hint = 404


class AccountNotFound(NotFound):
    """No account is registered under this id."""

    code = None

    def __init__(self, account: str) -> None:
        super().__init__("Account record was not found for requested ID")
        self.account = account


class OAuth2AppNotFound(NotFound):
    """No OAuth2 application is registered under this id."""

    def __init__(self, app: str) -> None:
        super().__init__("Document was not found")
        self.app = app


class DeliveryNotFound(NotFound):
    """No delivery is kept under this id."""

    def __init__(self, delivery: str) -> None:
        super().__init__(f"No delivery is kept as {delivery!r}.")
        self.delivery = delivery


class PoisonNotFound(NotFound):
    """No message that was given up is kept under this id."""

    def __init__(self, poison_id: str) -> None:
        super().__init__(f"No message is kept as {poison_id!r}.")
        self.poison_id = poison_id


class TokenNotFound(NotFound):
    """No access token is kept under this id."""

    def __init__(self) -> None:
        super().__init__("Requested access token was not found")


class Conflict(RelayError):
    """The request is well formed, and something that exists stands in its way."""

    status_hint = 409


class OAuth2AppInUse(Conflict):
    """Accounts still sign in through this application."""

    code = "ForceRequired"

    def __init__(self, app: str, accounts: int) -> None:
        super().__init__(
            f"{accounts} account(s) still use the application {app!r}: delete them first, or repeat with force=true."
        )
        self.accounts = accounts

    def extras(self) -> dict[str, Any]:
        """Returns how many accounts stand in the way."""
        return {"accounts": self.accounts}


class NotDeliverable(Conflict):
    """A delivery cannot be attempted again; `code` says what stands in the way."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotRequeueable(Conflict):
    """A message that was given up cannot be put back; the text says why, and what to do."""

    code = "NotRequeueable"


class ServiceUrlMissing(RelayError):
    """Nobody has said at which address the world reaches this service."""

    code = "MissingServiceURLSetup"

    def __init__(self) -> None:
        super().__init__('Set "serviceUrl" through POST /v1/settings: the address at which users reach this service.')


class Changed(RelayError):
    """A record changed between our read and our write; read it again."""

    status_hint = 409


class TryLater(RelayError):
    """
    A system we need is busy, throttled or unreachable; the same call may succeed later.

    `reason` is that system's code where it has one, and `mend` says what could help.
    """

    code: str | None = "TryLater"
    reason = "TryLater"
    mend: str | None = None
    status_hint = 503

    def __init__(
        self,
        message: str,
        retry_after: timedelta | None = None,
        *,
        reason: str | None = None,
        mend: str | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.reason = reason or self.reason
        self.mend = mend


class NotReachable(TryLater):
    """Graph cannot call us: our address is not set, or does not answer from where Graph is."""


class QuotaSpent(TryLater):
    """What Graph allows us is spent for now; `retry_after` is when it is our turn."""

    def __init__(self, quota: str, retry_after: timedelta) -> None:
        super().__init__(f"The quota {quota!r} of Microsoft Graph is spent for now.", retry_after)
        self.turn = retry_after


class RateLimitExceeded(TryLater):
    """The token has made as many requests as it may; `retry_after` is when a new window begins."""

    code = None
    status_hint = 429

    def __init__(self, allowance: Allowance) -> None:
        super().__init__("Rate limit exceeded", timedelta(seconds=allowance.reset))
        self.allowance = allowance

    def extras(self) -> dict[str, Any]:
        """Returns how many seconds are left, as EmailEngine names them."""
        return {"ttl": self.allowance.reset}


class NewerRecord(TryLater):
    """A row holds what this version cannot read, in *fields*: a newer one wrote it, and works or will work on it."""

    reason = "NewerRecord"

    def __init__(self, kind: str, *fields: str) -> None:
        record = f"{kind}: {', '.join(fields)}" if fields else kind
        super().__init__(
            f"A record ({record}) was written by a newer version of this service.",
            mend="Let the deployment end; after a rollback, deploy the newer version again.",
        )


class NoSidecar(TryLater):
    """The sidecar, which opens mailboxes for users who signed in, does not do so."""

    reason = "NoSidecar"

    def __init__(
        self,
        message: str = "No sidecar has opened the mailbox yet: see that one runs, with the same storage and vault.",
    ) -> None:
        super().__init__(message)


class SignInRefused(RelayError):
    """
    Entra ID refuses the application's sign-in until a human mends it.

    `reason` is Entra's own code (`AADSTS7000215`), `mend` the sentence that says what to do.
    """

    code = "AuthenticationFails"
    status_hint = 403

    def __init__(self, message: str, *, reason: str, mend: str, token_request: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.mend = mend
        self.token_request = token_request or {}


class GrantRefused(SignInRefused):
    """Entra ID takes the user's grant no more: it was revoked, or lapsed, or the password changed."""


class SignInCancelled(SignInRefused):
    """The user cancelled the sign-in, or declined what the application asks for."""


class MailboxRefused(RelayError):
    """
    Microsoft 365 refuses this mailbox until a human mends it: unknown, not licensed, or not permitted.

    `reason` is Graph's own code (`ErrorAccessDenied`), `mend` the sentence that says what to do.
    """

    code = "AuthenticationFails"
    status_hint = 403

    def __init__(self, message: str, *, reason: str, mend: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.mend = mend


class NoRoom(RelayError):
    """
    The mailbox has as many subscriptions as Graph allows, of all applications together.

    `reason` is Graph's own code, `mend` the sentence that says what to do.
    """

    code = "NoRoom"
    status_hint = 409

    def __init__(self, message: str, *, reason: str, mend: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.mend = mend


class WorkFailed(RelayError):
    """Work from a queue failed for a reason that nobody foresaw; the log says which, and not what it was about."""

    def __init__(self, why: str = "The work failed; a line of our log says why.") -> None:
        super().__init__(why)


class Misconfigured(RelayError):
    """The deployment's settings cannot be right; the text names each of them, never its value."""

    code = "Misconfigured"
