"""
Refusals: what a mail server says when it does not do what it is asked, in our words and with what to do about it.

A refusal is passing (waiting helps), personal (the user's sign-in or mailbox wants mending), or about one request. What
Exchange says is documented nowhere; the words are those of clients' logs.
"""

import re
from datetime import timedelta
from enum import StrEnum

from shared.domain.errors import (
    Conflict,
    InvalidRequest,
    MailboxRefused,
    NotFound,
    RelayError,
    SignInRefused,
    TryLater,
)


class Code(StrEnum):
    """What is wrong, as an account's state and our API tell it."""

    SIGN_IN_REFUSED = "SignInRefused"
    NOT_CONNECTED = "MailboxNotConnected"
    THROTTLED = "Throttled"
    TOO_MANY_CONNECTIONS = "TooManyConnections"
    PROTOCOL_DISABLED = "ProtocolDisabled"
    SMTP_DISABLED_FOR_TENANT = "SmtpDisabledForTenant"
    SMTP_DISABLED_FOR_MAILBOX = "SmtpDisabledForMailbox"
    SEND_AS_DENIED = "SendAsDenied"
    SESSION_EXPIRED = "SessionExpired"
    UNAVAILABLE = "Unavailable"
    CLOSED = "ConnectionClosed"
    UNREACHABLE = "Unreachable"
    TIMED_OUT = "TimedOut"
    NO_FOLDER = "FolderNotFound"
    FOLDER_EXISTS = "FolderExists"
    OVER_QUOTA = "OverQuota"
    MESSAGE_REJECTED = "MessageRejected"
    NOT_DONE = "NotDone"


_MEND = {
    Code.SIGN_IN_REFUSED: "The user signs in again; check that IMAP.AccessAsUser.All and SMTP.Send were consented to.",
    Code.NOT_CONNECTED: (
        "Give the user who signed in FullAccess on this mailbox (a new permission takes up to an hour), check its "
        "address, that it has a licence or is shared, and that IMAP is enabled for it (Set-CASMailbox -ImapEnabled)."
    ),
    Code.THROTTLED: "Nothing to mend: the server wants less traffic for a while, and we wait as long as it says.",
    Code.TOO_MANY_CONNECTIONS: (
        "Close other mail programs of this user, or watch fewer folders with connections of their own; we try again."
    ),
    Code.PROTOCOL_DISABLED: "Enable IMAP for the mailbox: Set-CASMailbox -ImapEnabled $true.",
    Code.SMTP_DISABLED_FOR_TENANT: (
        "Enable SMTP AUTH: for this mailbox with Set-CASMailbox -SmtpClientAuthenticationDisabled $false, or for the "
        "tenant with Set-TransportConfig -SmtpClientAuthenticationDisabled $false."
    ),
    Code.SMTP_DISABLED_FOR_MAILBOX: (
        "Enable SMTP AUTH for the user who signed in: Set-CASMailbox -SmtpClientAuthenticationDisabled $false."
    ),
    Code.SEND_AS_DENIED: "Give the user who signed in Send As on this mailbox; FullAccess alone does not include it.",
    Code.SESSION_EXPIRED: "Nothing to mend: the token ran out, and we connect again with a fresh one.",
    Code.UNAVAILABLE: "Nothing to mend: the server cannot answer for the moment, and we try again.",
    Code.CLOSED: "Nothing to mend: the connection ended, and we connect again.",
    Code.UNREACHABLE: "Check that the sidecar may reach the mail server (name, port, firewall, certificate).",
    Code.TIMED_OUT: "Nothing to mend: the connection went silent, and we connect again.",
    Code.NO_FOLDER: "Name a folder that exists.",
    Code.FOLDER_EXISTS: "Name a folder that does not exist yet.",
    Code.OVER_QUOTA: "Make room in the mailbox.",
    Code.MESSAGE_REJECTED: "Change the message or its recipients as the server's words say.",
    Code.NOT_DONE: "The server's words say why.",
}

_SIGN_IN = frozenset({Code.SIGN_IN_REFUSED})
_MAILBOX = frozenset(
    {
        Code.PROTOCOL_DISABLED,
        Code.SMTP_DISABLED_FOR_TENANT,
        Code.SMTP_DISABLED_FOR_MAILBOX,
        Code.SEND_AS_DENIED,
        Code.OVER_QUOTA,
    }
)
_REQUEST = frozenset({Code.NO_FOLDER, Code.FOLDER_EXISTS, Code.MESSAGE_REJECTED})

# The first that fits counts, so the special stands before the general.
_WORDS = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"authenticated but not connected", Code.NOT_CONNECTED),
        # https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission
        (r"SmtpClientAuthentication is disabled for the Mailbox", Code.SMTP_DISABLED_FOR_MAILBOX),
        (r"SmtpClientAuthentication is disabled", Code.SMTP_DISABLED_FOR_TENANT),
        (r"SendAsDenied|5\.7\.60", Code.SEND_AS_DENIED),
        # https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/pop3-and-imap4/set-up-imap-access
        (r"\b(IMAP4?|protocol)\b.{0,40}\b(disabled|not enabled)", Code.PROTOCOL_DISABLED),
        (r"AccessTokenExpired|Session invalidated", Code.SESSION_EXPIRED),
        (r"Concurrent connections limit|too many (concurrent |simultaneous )?connections", Code.TOO_MANY_CONNECTIONS),
        (r"\[LIMIT\]|Maximum number of connections", Code.TOO_MANY_CONNECTIONS),
        (r"throttled|Backoff Time|\[THROTTLED\]|submission rate", Code.THROTTLED),
        (r"\[UNAVAILABLE\]|Server (is )?(unavailable|busy)|temporar|try again later", Code.UNAVAILABLE),
        (r"\[(AUTHENTICATIONFAILED|AUTHORIZATIONFAILED|EXPIRED)\]|AUTHENTICATE failed", Code.SIGN_IN_REFUSED),
        (r"LOGIN failed|5\.7\.(3|8|139)\b", Code.SIGN_IN_REFUSED),
        (r"\[(NONEXISTENT|TRYCREATE)\]|(mailbox|folder) (doesn't|does not) exist", Code.NO_FOLDER),
        (r"\[ALREADYEXISTS\]|already exists", Code.FOLDER_EXISTS),
        (r"\[OVERQUOTA\]|quota", Code.OVER_QUOTA),
    )
)
_WAIT = re.compile(r"Backoff Time:? *(\d+) *milliseconds", re.IGNORECASE)


class Refusal(Exception):
    """
    A mail server, or the way to it, refuses; `said` are its own words, `mend` is what to do.

    `retry_after` is how long the server wants us to wait, where it says so; `challenge` is what it said of a token.
    """

    def __init__(
        self, code: Code, said: str, *, retry_after: timedelta | None = None, challenge: str | None = None
    ) -> None:
        super().__init__(f"{code}: {said}" if said else code.value)
        self.code = code
        self.said = said
        self.mend = _MEND[code]
        self.retry_after = retry_after
        self.challenge = challenge

    @property
    def personal(self) -> bool:
        """Tells whether a human must mend a sign-in, a permission or a request; else waiting helps."""
        return self.code in _SIGN_IN | _MAILBOX | _REQUEST


def refusal(said: str, *, otherwise: Code = Code.NOT_DONE, challenge: str | None = None) -> Refusal:
    """Returns what the server's words mean; words that nobody knows mean *otherwise*."""
    code = next((code for pattern, code in _WORDS if pattern.search(said)), otherwise)
    wait = _WAIT.search(said)
    retry_after = timedelta(milliseconds=int(wait.group(1))) if wait else None
    return Refusal(code, said, retry_after=retry_after, challenge=challenge)


def as_relay_error(refused: Refusal) -> RelayError:
    """
    Returns the refusal as the rest of the product knows it.

    That a mailbox is not connected is for a while as likely a server's mood as a missing permission: whoever keeps
    count decides when it becomes MailboxRefused.
    """
    message = f"The mail server refuses: {refused.said}" if refused.said else f"The mail server: {refused.code}."
    if refused.code in _SIGN_IN:
        return SignInRefused(message, reason=refused.code, mend=refused.mend)
    if refused.code in _MAILBOX:
        return MailboxRefused(message, reason=refused.code, mend=refused.mend)
    if refused.code is Code.NO_FOLDER:
        return NotFound(message)
    if refused.code is Code.FOLDER_EXISTS:
        return Conflict(message)
    if refused.code is Code.MESSAGE_REJECTED:
        return InvalidRequest(message=message)
    return TryLater(message, refused.retry_after, reason=refused.code, mend=refused.mend)
