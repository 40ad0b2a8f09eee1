"""Registrations: what callers may say of an account."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.registrations import AccountChange, NewAccount
from tests.factories import APP

# The facts' own example: what EmailEngine's documentation registers, without the name that it forgets.
BODY = {"account": "support-inbox", "oauth2": {"provider": APP, "auth": {"user": "support@contoso.com"}}}


def test_a_registration_needs_no_name() -> None:
    """EmailEngine's documented registration is taken as it stands; its address is the mailbox user's."""
    account = NewAccount.model_validate(BODY)
    assert (account.name, account.address) == (None, "support@contoso.com")
    assert NewAccount.model_validate({**BODY, "account": None}).account is None


@pytest.mark.parametrize(
    ("email", "auth", "mailbox", "address"),
    [
        ("anna@contoso.com", {"user": "upn@contoso.com"}, "upn@contoso.com", "anna@contoso.com"),
        ("", {"user": "upn@contoso.com"}, "upn@contoso.com", "upn@contoso.com"),
        (None, {"user": "8e0b2a4c-0000-4000-8000-000000000001"}, "8e0b2a4c-0000-4000-8000-000000000001", None),
        (None, {"user": "a@contoso.com", "delegatedUser": "info@contoso.com"}, "info@contoso.com", "info@contoso.com"),
        (None, {"delegatedUser": "info@contoso.com"}, "info@contoso.com", "info@contoso.com"),
    ],
)
def test_which_mailbox(email: str | None, auth: dict[str, str], mailbox: str, address: str | None) -> None:
    """`delegatedUser` is the mailbox where it is given; the address is `email`, or the mailbox where that is one."""
    account = NewAccount.model_validate({**BODY, "email": email, "oauth2": {"provider": APP, "auth": auth}})
    assert (account.oauth2.mailbox, account.address) == (mailbox, address)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("account", "a\nb", "must not hold control characters"),
        ("account", "", "at least 1 character"),
        ("account", "a" * 257, "at most 256 characters"),
        ("account", ".", "must not be a step of a path (. or ..)"),
        ("account", "..", "must not be a step of a path (. or ..)"),
        ("account", "a%2fb", "nor hold %2F"),
        ("email", "nobody", "must be a valid email"),
        ("webhooks", "ftp://example.com", "must be a valid uri with a scheme matching the http|https pattern"),
        ("imap", {"host": "imap.example.com"}, "has no IMAP server"),
        ("smtp", True, "has no SMTP server"),
        ("notifyFrom", "soon", "datetime"),
        ("oauth2", {"provider": APP, "auth": {}}, '"user" is required: the address (or user principal name)'),
        ("oauth2", {"provider": APP, "auth": {"user": "a/b"}}, "none of / ? #"),
        ("proxy", "socks5://example.com", "Extra inputs are not permitted"),
    ],
)
def test_what_a_registration_cannot_be(field: str, value: Any, told: str) -> None:
    """Each wrong field is refused with its own sentence."""
    with pytest.raises(ValidationError) as refused:
        NewAccount.model_validate({**BODY, field: value})
    assert {error["loc"][0] for error in refused.value.errors()} == {field}
    assert told in refused.value.errors()[0]["msg"]


def test_no_server_is_no_mistake() -> None:
    """`imap: false` and `smtp: false`, which EmailEngine's clients send, are taken."""
    assert NewAccount.model_validate({**BODY, "imap": False, "smtp": None}).imap is None


def test_emailengines_further_fields_are_taken() -> None:
    """What EmailEngine's clients send beyond our needs is taken, within EmailEngine's bounds."""
    further = {"expectedEmail": "anna@contoso.com", "smtpEhloName": "mail.contoso.com", "imapIndexer": "fast"}
    account = NewAccount.model_validate({**BODY, **further})
    assert (account.expected_email, account.smtp_ehlo_name, account.imap_indexer) == tuple(further.values())
    assert NewAccount.model_validate({**BODY, **dict.fromkeys(further)}).imap_indexer is None
    for wrong in ({"expectedEmail": "anna"}, {"smtpEhloName": "n" * 257}, {"imapIndexer": "slow"}):
        with pytest.raises(ValidationError):
            NewAccount.model_validate({**BODY, **wrong})


def test_a_change_tells_absent_from_null() -> None:
    """What a change leaves out stays; null and an empty string unset."""
    change = AccountChange.model_validate({"name": None, "webhooks": ""})
    assert change.model_fields_set == {"name", "webhooks"}
    assert change.webhooks is None
