"""
Sending: SMTP with XOAUTH2, as the user who signed in, in the name of the mailbox.

IMAP signs in to a shared mailbox; SMTP does not. The user who signed in is named there, and From is the shared mailbox,
which takes the permission Send As. The copy that Exchange keeps is then in that user's Sent Items: whoever sends for a
shared mailbox appends one there himself.
"""

import re
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiosmtplib

from sidecar.imap.errors import Code, Refusal, refusal

_SECONDS = 60.0
_GO_ON = 334
_SIGNED_IN = 235
_TOO_MANY_CONNECTIONS = 432
_PERMANENT = 500
_MESSAGE_ID = re.compile(r"<[^<>\s]+@[^<>\s]+>")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is submitted: STARTTLS first, always."""

    host: str
    port: int
    context: ssl.SSLContext


@dataclass(frozen=True, slots=True)
class Sent:
    """
    What the server said when it took the message.

    `message_id` is the one that it gave the message, where it tells; `refused` are the recipients that it did not take.
    """

    said: str
    message_id: str | None
    refused: Mapping[str, str]


async def send(
    server: SmtpServer, user: str, token: str, *, sender: str, recipients: Sequence[str], message: bytes
) -> Sent:
    """
    Submits *message* as *user*, from *sender*, to *recipients*; raises a Refusal where it is taken for none.

    What may pass is told as a passing one, so that the caller may try again: nothing was sent then.
    """
    # https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
    client = aiosmtplib.SMTP(
        hostname=server.host, port=server.port, start_tls=True, tls_context=server.context, timeout=_SECONDS
    )
    try:
        async with client:
            await _sign_in(client, user, token)
            refused, said = await client.sendmail(sender, list(recipients), message)
    except (aiosmtplib.SMTPException, OSError) as exc:
        raise _refusal(exc) from exc
    found = _MESSAGE_ID.search(said)
    return Sent(said, found.group() if found else None, {who: answer.message for who, answer in refused.items()})


async def _sign_in(client: aiosmtplib.SMTP, user: str, token: str) -> None:
    # The token stands on a line of its own: on the command's line it would be longer than SMTP's 512 bytes, which not
    # every server minds. https://www.rfc-editor.org/rfc/rfc4954#section-4
    await client.ehlo()
    answer = await client.execute_command(b"AUTH", b"XOAUTH2")
    if answer.code == _GO_ON:
        answer = await client.execute_command(b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode()))
    challenge = None
    if answer.code == _GO_ON:
        challenge = answer.message
        answer = await client.execute_command(b"")
    if answer.code != _SIGNED_IN:
        raise _classified(answer.code, answer.message, rejected=Code.SIGN_IN_REFUSED, challenge=challenge)


def _refusal(exc: Exception) -> Refusal:
    if isinstance(exc, aiosmtplib.SMTPRecipientsRefused):
        # All of them; the first one's reason stands for all.
        return _classified(exc.recipients[0].code, exc.recipients[0].message)
    if isinstance(exc, aiosmtplib.SMTPResponseException):
        return _classified(exc.code, exc.message)
    if isinstance(exc, aiosmtplib.SMTPTimeoutError | TimeoutError):
        return Refusal(Code.TIMED_OUT, str(exc))
    if isinstance(exc, aiosmtplib.SMTPServerDisconnected):
        return Refusal(Code.CLOSED, str(exc))
    return Refusal(Code.UNREACHABLE, str(exc))


def _classified(
    code: int, said: str, *, rejected: Code = Code.MESSAGE_REJECTED, challenge: str | None = None
) -> Refusal:
    words = f"{code} {said}"
    if code == _TOO_MANY_CONNECTIONS:
        return Refusal(Code.TOO_MANY_CONNECTIONS, words)
    understood = refusal(words, otherwise=rejected if code >= _PERMANENT else Code.UNAVAILABLE, challenge=challenge)
    # A temporary no is one, whatever its words resemble.
    if code < _PERMANENT and understood.personal:
        return Refusal(Code.UNAVAILABLE, words)
    return understood
