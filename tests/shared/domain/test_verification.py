"""Verifications: what the permissions in a token allow."""

import pytest

from shared.domain.verification import StepStatus, Verification, role_step


@pytest.mark.parametrize(
    ("roles", "status", "message", "hint"),
    [
        (["Mail.ReadWrite", "Mail.Send"], StepStatus.OK, None, None),
        (["Mail.Read", "Mail.Send", "User.Read.All"], StepStatus.OK, None, None),
        (
            ["Mail.ReadWrite"],
            StepStatus.OK,
            "mail can be received, not sent",
            "Grant the application permission Mail.Send",
        ),
        (["Mail.Send"], StepStatus.SKIP, "neither Mail.ReadWrite nor Mail.Read", "Exchange's RBAC for Applications"),
        ([], StepStatus.SKIP, "neither Mail.ReadWrite nor Mail.Read", "consent to it as an administrator"),
    ],
)
def test_what_roles_allow(roles: list[str], status: StepStatus, message: str | None, hint: str | None) -> None:
    """Reading is enough; what lacks is told with its mend, and no role at all leaves it to the mailbox."""
    step = role_step(roles)
    assert step.status is status
    assert (step.message is None, step.hint is None) == (message is None, hint is None)
    assert (message or "") in (step.message or "")
    assert (hint or "") in (step.hint or "")


def test_a_verification_goes_to_the_mailbox() -> None:
    """Unless told otherwise a verification tests the connection, as in EmailEngine."""
    assert Verification.model_validate({}).test_connection is True
    assert Verification.model_validate({"testConnection": False}).test_connection is False
