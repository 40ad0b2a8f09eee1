"""A real mail server for tests: Dovecot, with mailboxes that nobody else uses and tokens that it trusts."""

from itertools import count

from local.dovecot.server import Dovecot
from local.m365.tokens import TokenIssuer
from tests.fakes.mail_sink import MailSink

ISSUER = "https://sts.windows.net/f8cdef31-a31e-4b4a-93e4-5f571e91255a/"

_NUMBERS = count(1)


class MailServer:
    """Dovecot with the issuer of its tokens and the sink of what is submitted."""

    def __init__(self, dovecot: Dovecot, sink: MailSink) -> None:
        self.dovecot = dovecot
        self.sink = sink
        self._tokens = TokenIssuer()
        dovecot.trust(self._tokens.public_key, self._tokens.key_id)

    def mailbox(self, *delegates: str) -> str:
        """Return the address of a fresh mailbox that its owner, and *delegates*, may open."""
        address = f"box{next(_NUMBERS)}@contoso.com"
        for user in (address, *delegates):
            self.dovecot.grant(user, address)
        return address

    def token(self, user: str, *, lifetime: int = 3600, issuer: str = ISSUER) -> str:
        """Return an access token of *user*."""
        claims = {"iss": issuer, "aud": "https://outlook.office.com", "upn": user, "sub": user}
        return self._tokens.sign(claims, lifetime)


def mail(subject: str = "Hello", body: str = "Text.", **headers: str) -> bytes:
    """Return a small message."""
    lines = {"From": "Sender <sender@example.com>", "To": "box@contoso.com", "Subject": subject, **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"{head}\r\n{body}\r\n".encode()
