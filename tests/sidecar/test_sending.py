"""Sending for a mailbox: whose copy is whose."""

import pytest

from sidecar.sending import _is_shared
from tests.factories import an_account


@pytest.mark.parametrize(
    ("user", "principal", "username", "shared"),
    [
        ("Anna@Contoso.com", None, "anna@contoso.com", False),
        ("anna@contoso.com", "anna@contoso.com", "anna@contoso.onmicrosoft.com", False),
        ("help@contoso.com", "anna@contoso.com", "anna@contoso.com", True),
        ("help@contoso.com", None, "anna@contoso.com", True),
    ],
)
def test_a_mailbox_of_another_name_is_shared(user: str, principal: str | None, username: str, *, shared: bool) -> None:
    """A mailbox is the user's own under either of the names that we know the user by, however they are written."""
    assert _is_shared(an_account(user=user, principal=principal), username) is shared
