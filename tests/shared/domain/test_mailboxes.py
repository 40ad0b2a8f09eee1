"""A mailbox as Graph counts the requests to it, and as an account opens it."""

from shared.domain.mailboxes import Mailbox, Registration, mailbox_key, mailbox_of
from tests.factories import an_account, an_app, an_outlook_app


def test_a_mailbox_is_one_however_we_got_there() -> None:
    """Records and spellings do not matter; tenant, application and user do."""
    key = mailbox_key(an_app(), "anna@contoso.com")
    assert mailbox_key(an_app(id="another-record", revision="2"), "Anna@Contoso.com") == key
    others = [an_app(tenant="other"), an_app(client_id="other")]
    assert key not in {mailbox_key(app, "anna@contoso.com") for app in others} | {mailbox_key(an_app(), "berta")}


def test_an_account_opens_its_mailbox() -> None:
    """A mailbox names its user, the application, and which registration of the account asks."""
    account, app = an_account(user="help@contoso.com", incarnation="incarnation-7"), an_outlook_app()
    assert mailbox_of(account, app) == Mailbox(app, "help@contoso.com", Registration(account.key, "incarnation-7"))
