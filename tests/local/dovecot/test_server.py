"""Dovecot as the tests' mail server: who gets in, and what is done to mail from outside."""

import imaplib
import ssl
from pathlib import Path

import pytest

from local.dovecot.server import Dovecot, running
from tests.fakes.mail_server import MailServer, mail


def sign_in(server: Dovecot, mailbox: str, token: str) -> imaplib.IMAP4_SSL:
    """Sign in with the standard library's client, which knows nothing of ours."""
    client = imaplib.IMAP4_SSL(
        server.host, server.ports.imaps, ssl_context=ssl.create_default_context(cafile=str(server.authority))
    )
    client.authenticate("XOAUTH2", lambda said: b"" if said else f"user={mailbox}\1auth=Bearer {token}\1\1".encode())
    return client


def test_owner_and_delegate_get_in(mail_server: MailServer) -> None:
    """A mailbox opens for its owner's token and for a delegate's, and shows what was delivered."""
    box = mail_server.mailbox("delegate@contoso.com")
    mail_server.dovecot.deliver(box, mail())
    for user in (box, "delegate@contoso.com"):
        with sign_in(mail_server.dovecot, box, mail_server.token(user)) as client:
            assert client.select("INBOX") == ("OK", [b"1"])


@pytest.mark.parametrize(
    ("user", "changes"),
    [("other@contoso.com", {}), (None, {"lifetime": -60}), (None, {"issuer": "https://other.example"})],
    ids=["no right", "expired", "unknown issuer"],
)
def test_others_do_not(mail_server: MailServer, user: str | None, changes: dict[str, int]) -> None:
    """A token of somebody without the right, one that expired, and one of another issuer are refused."""
    box = mail_server.mailbox()
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        sign_in(mail_server.dovecot, box, mail_server.token(user or box, **changes))


def test_right_that_is_revoked_is_gone_at_once(mail_server: MailServer) -> None:
    """A delegate whose right is revoked is refused at the next sign-in."""
    box = mail_server.mailbox("delegate@contoso.com")
    token = mail_server.token("delegate@contoso.com")
    sign_in(mail_server.dovecot, box, token).logout()
    mail_server.dovecot.revoke("delegate@contoso.com", box)
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        sign_in(mail_server.dovecot, box, token)


def test_mail_is_changed_from_outside(mail_server: MailServer) -> None:
    """Messages are flagged, moved and expunged, folders made and removed, and UIDVALIDITY reset, without a session."""
    server, box = mail_server.dovecot, mail_server.mailbox()
    for _ in range(3):
        server.deliver(box, mail())
    server.flag(box, 1, "\\Seen", "\\Flagged")
    server.move(box, 2, "INBOX", "Archive")
    server.expunge(box, 3)
    server.create_folder(box, "Projekte/Überblick")
    server.append(box, mail(), "Projekte/Überblick")
    assert (server.uids(box), server.uids(box, "Archive"), server.uids(box, "Projekte/Überblick")) == ([1], [1], [1])
    server.delete_folder(box, "Projekte/Überblick")
    server.reset_uidvalidity(box, 777)
    with sign_in(server, box, mail_server.token(box)) as client:
        client.select("INBOX")
        assert client.response("UIDVALIDITY") == ("UIDVALIDITY", [b"777"])
        assert b"\\Flagged \\Seen" in client.fetch("1", "(FLAGS)")[1][0]


def test_session_that_is_kicked_is_over(mail_server: MailServer) -> None:
    """A live session of a mailbox that is kicked is told so and ends, unasked."""
    box = mail_server.mailbox()
    client = sign_in(mail_server.dovecot, box, mail_server.token(box))
    mail_server.dovecot.kick(box)
    assert client.readline().startswith(b"* BYE")
    assert client.readline() == b""


def test_servers_run_side_by_side(mail_server: MailServer, tmp_path: Path) -> None:
    """A second server has ports, mail and rights of its own, and is gone when it is stopped."""
    with running(tmp_path / "second") as second:
        assert not set(vars(second.ports).values()) & set(vars(mail_server.dovecot.ports).values())
    with pytest.raises(OSError, match="refused"):
        sign_in(second, "anna@contoso.com", "token")
