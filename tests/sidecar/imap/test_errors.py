"""Refusals: what a mail server's words mean, and what is to be done."""

from datetime import timedelta

import pytest

from shared.domain.errors import MailboxRefused, NotFound, RelayError, SignInRefused, TryLater
from sidecar.imap.errors import Code, Refusal, as_relay_error, refusal


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("AUTHENTICATE failed.", Code.SIGN_IN_REFUSED),
        ("[AUTHENTICATIONFAILED] Authentication failed.", Code.SIGN_IN_REFUSED),
        ("User is authenticated but not connected.", Code.NOT_CONNECTED),
        ("Request is throttled. Suggested Backoff Time: 89117 milliseconds", Code.THROTTLED),
        ("[LIMIT] Maximum number of connections from user+IP exceeded", Code.TOO_MANY_CONNECTIONS),
        ("Too many connections for this user", Code.TOO_MANY_CONNECTIONS),
        ("Session invalidated - AccessTokenExpired", Code.SESSION_EXPIRED),
        ("IMAP4 protocol is disabled for this mailbox", Code.PROTOCOL_DISABLED),
        ("[UNAVAILABLE] Server Unavailable. 15", Code.UNAVAILABLE),
        ("Connection is closed. 13", Code.CLOSED),
        ("[NONEXISTENT] Mailbox doesn't exist: X", Code.NO_FOLDER),
        ("[ALREADYEXISTS] Mailbox already exists", Code.FOLDER_EXISTS),
        (
            "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit",
            Code.SMTP_DISABLED_FOR_TENANT,
        ),
        (
            "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit",
            Code.SMTP_DISABLED_FOR_MAILBOX,
        ),
        ("5.7.3 Authentication unsuccessful", Code.SIGN_IN_REFUSED),
        ("5.7.60 SMTP; Client does not have permissions to send as this sender", Code.SEND_AS_DENIED),
        ("5.2.252 SendAsDenied; anna@contoso.com not allowed to send as help@contoso.com", Code.SEND_AS_DENIED),
        ("4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded. Concurrent connections limit", None),
    ],
)
def test_words_become_codes(said: str, code: Code | None) -> None:
    """What Exchange and Dovecot say is told in our words; each has what to do about it."""
    refused = refusal(said, otherwise=Code.CLOSED)
    assert refused.code is (code or Code.TOO_MANY_CONNECTIONS)
    assert refused.mend.endswith(".")


def test_throttling_says_how_long() -> None:
    """The time that the server wants us to wait is read, and reaches whoever tries again."""
    refused = refusal("Request is throttled. Suggested Backoff Time: 89117 milliseconds")
    later = as_relay_error(refused)
    assert isinstance(later, TryLater)
    assert later.retry_after == refused.retry_after == timedelta(seconds=89.117)


@pytest.mark.parametrize("code", Code)
def test_each_code_has_its_class(code: Code) -> None:
    """What a human must mend is not tried again by itself; all else is TryLater."""
    refused = Refusal(code, "words")
    error = as_relay_error(refused)
    expected: dict[Code, type[RelayError]] = {Code.SIGN_IN_REFUSED: SignInRefused, Code.NO_FOLDER: NotFound}
    assert isinstance(error, TryLater) is not refused.personal
    assert isinstance(error, expected.get(code, RelayError))
    if isinstance(error, SignInRefused | MailboxRefused):
        assert (error.reason, error.mend) == (code, refused.mend)
