"""A mailbox as Graph counts the requests to it."""

from shared.domain.mailboxes import mailbox_key
from tests.factories import an_app


def test_a_mailbox_is_one_however_we_got_there() -> None:
    """Records and spellings do not matter; tenant, application and user do."""
    key = mailbox_key(an_app(), "anna@contoso.com")
    assert mailbox_key(an_app(id="another-record", revision="2"), "Anna@Contoso.com") == key
    others = [an_app(tenant="other"), an_app(client_id="other")]
    assert key not in {mailbox_key(app, "anna@contoso.com") for app in others} | {mailbox_key(an_app(), "berta")}
