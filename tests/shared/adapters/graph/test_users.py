"""How addresses name a mailbox."""

import pytest

from shared.adapters.graph.users import messages_resource, same_resource


@pytest.mark.parametrize(
    ("user", "resource"),
    [
        ("ada@contoso.example", "users/ada@contoso.example/messages"),
        ("0c1d2e3f-1111-4222-8333-444455556666", "users/0c1d2e3f-1111-4222-8333-444455556666/messages"),
        (
            "0c1d2e3f-1111-4222-8333-444455556666@contoso.example",
            "users/AAD-UPN:0c1d2e3f-1111-4222-8333-444455556666@contoso.example/messages",
        ),
    ],
)
def test_a_upn_like_a_guid_is_marked(user: str, resource: str) -> None:
    """A UPN that begins with a GUID says that it is a UPN; an object id does not."""
    assert messages_resource(user) == resource


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("Users('ada@contoso.example')/Messages", True),
        ("/users/ada%40contoso.example/messages", True),
        ("users/eve@contoso.example/messages", False),
        ("users/ada@contoso.example/mailFolders('inbox')/messages", False),
    ],
)
def test_a_resource_is_known_in_every_spelling(other: str, same: bool) -> None:  # noqa: FBT001  a column of the table
    """Case, brackets and percent-encoding do not make another resource; another mailbox or folder does."""
    assert same_resource("users/ada@contoso.example/messages", other) is same
