"""Verifications of an application: the steps that were really taken, how each went, and what would mend it."""

from collections.abc import Collection
from enum import StrEnum

from shared.domain.fields import Title
from shared.domain.models import ApiModel, Owned

_READING = frozenset({"Mail.ReadWrite", "Mail.Read"})
_SENDING = "Mail.Send"


class StepStatus(StrEnum):
    """How a step went."""

    OK = "ok"
    FAIL = "fail"
    SKIP = "skip"


class Step(Owned):
    """One step of a verification."""

    id: str
    label: str
    status: StepStatus
    message: str | None = None
    hint: str | None = None


class Verification(ApiModel):
    """The body of `POST /v1/oauth2/{app}/verify`: the mailbox to open, and whether to go beyond the configuration."""

    account: Title | None = None
    test_connection: bool = True


def role_step(roles: Collection[str]) -> Step:
    """
    Returns what the application permissions in a token allow.

    Mailboxes may also be opened through Exchange's RBAC for Applications, which leaves no role in the token: then the
    mailbox step decides. https://learn.microsoft.com/exchange/permissions-exo/application-rbac
    """
    label = "Application permissions"
    if not _READING & set(roles):
        return Step(
            id="roles",
            label=label,
            status=StepStatus.SKIP,
            message="The token holds neither Mail.ReadWrite nor Mail.Read.",
            hint="Grant the application permission Mail.ReadWrite (or Mail.Read) to the application in Entra ID and "
            "consent to it as an administrator, unless Exchange's RBAC for Applications grants it.",
        )
    if _SENDING not in roles:
        return Step(
            id="roles",
            label=label,
            status=StepStatus.OK,
            message="The token does not hold Mail.Send: mail can be received, not sent.",
            hint="Grant the application permission Mail.Send to send mail too.",
        )
    return Step(id="roles", label=label, status=StepStatus.OK)
