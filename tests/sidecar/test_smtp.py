"""Sending through SMTP, to a real server that relays to a sink."""

import asyncio
from typing import Any

import aiosmtplib
import pytest

from sidecar.imap import tls
from sidecar.imap.errors import Code, Refusal
from sidecar.smtp import Sent, SmtpServer, _classified, send
from tests.fakes.mail_server import MailServer, mail


def sent(mail_server: MailServer, user: str, token: str, **changes: Any) -> Sent:
    """Send a message through the mail server."""
    context = tls.trusting(str(mail_server.dovecot.authority))
    values: dict[str, Any] = {
        "server": SmtpServer("localhost", mail_server.dovecot.ports.submission, context),
        "sender": "help@contoso.com",
        "recipients": ["customer@example.com", "other@example.com"],
        "message": mail(),
    }
    return asyncio.run(send(user=user, token=token, **{**values, **changes}))


def test_mail_goes_out_in_the_name_of_the_shared_mailbox(mail_server: MailServer) -> None:
    """The user who signed in submits, the shared mailbox is the sender, and every recipient is served."""
    box = mail_server.mailbox()
    told = sent(mail_server, box, mail_server.token(box))
    taken = mail_server.sink.taken[-1]
    assert (taken.mail_from, taken.rcpt_tos) == ("help@contoso.com", ["customer@example.com", "other@example.com"])
    assert isinstance(taken.content, bytes)
    assert mail() in taken.content
    assert told.said
    assert told.refused == {}


def test_refused_token_is_a_refused_sign_in(mail_server: MailServer) -> None:
    """A token that has expired is a refused sign-in, and sends nothing."""
    box, before = mail_server.mailbox(), len(mail_server.sink.taken)
    with pytest.raises(Refusal) as refused:
        sent(mail_server, box, mail_server.token(box, lifetime=-60))
    assert refused.value.code is Code.SIGN_IN_REFUSED
    assert refused.value.challenge
    assert len(mail_server.sink.taken) == before


def test_nobody_there(mail_server: MailServer) -> None:
    """A server that does not listen is unreachable, which passes."""
    with pytest.raises(Refusal) as refused:
        sent(mail_server, "anna", "token", server=SmtpServer("localhost", 1, tls.context()))
    assert (refused.value.code, refused.value.personal) == (Code.UNREACHABLE, False)


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        (535, "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit",
         Code.SMTP_DISABLED_FOR_TENANT),
        (535, "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit",
         Code.SMTP_DISABLED_FOR_MAILBOX),
        (535, "5.7.3 Authentication unsuccessful [x.PROD.OUTLOOK.COM]", Code.SIGN_IN_REFUSED),
        (550, "5.7.60 SMTP; Client does not have permissions to send as this sender", Code.SEND_AS_DENIED),
        (554, "5.2.252 SendAsDenied; anna@contoso.com not allowed to send as help@contoso.com", Code.SEND_AS_DENIED),
        (432, "4.3.2 Concurrent connections limit exceeded. Visit", Code.TOO_MANY_CONNECTIONS),
        (451, "4.7.500 Server busy. Please try again later", Code.UNAVAILABLE),
        (452, "4.5.3 over quota for the moment", Code.UNAVAILABLE),
        (421, "4.4.2 Message submission rate for this client has exceeded the configured limit", Code.THROTTLED),
        (550, "5.1.1 Recipient unknown", Code.MESSAGE_REJECTED),
        (552, "5.3.4 Message size exceeds fixed maximum message size", Code.MESSAGE_REJECTED),
    ],
)  # fmt: skip
def test_refusals_are_told_apart(code: int, said: str, expected: Code) -> None:
    """What Exchange refuses for good names who mends it; what starts with 4 passes, whatever it says."""
    sign_in = Code.SIGN_IN_REFUSED if code == 535 else Code.MESSAGE_REJECTED
    refused = _classified(code, said, rejected=sign_in)
    assert refused.code is expected
    assert refused.personal is (code >= 500)


def test_rewritten_message_id_is_told(mail_server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Message-ID that Exchange gave the message is read from what it said, and who was not served is named."""
    box = mail_server.mailbox()

    async def sendmail(*_: Any, **__: Any) -> tuple[dict[str, aiosmtplib.SMTPResponse], str]:
        refused = {"other@example.com": aiosmtplib.SMTPResponse(550, "5.1.1 unknown")}
        return refused, "2.0.0 OK <AM0PR@prod.outlook.com> [Hostname=AM0PR.eurprd.prod.outlook.com]"

    monkeypatch.setattr(aiosmtplib.SMTP, "sendmail", sendmail)
    told = sent(mail_server, box, mail_server.token(box))
    assert (told.message_id, dict(told.refused)) == ("<AM0PR@prod.outlook.com>", {"other@example.com": "5.1.1 unknown"})
