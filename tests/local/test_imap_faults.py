"""The proxy that misbehaves as Exchange does; what each fault does to a client stands in tests/sidecar/imap."""

import asyncio
import imaplib
import ssl
from pathlib import Path

from local.imap_faults import Fault, running
from tests.fakes.mail_server import MailServer


def test_faults_strike_one_user_and_heal(mail_server: MailServer) -> None:
    """A fault refuses one user's sign-in and nobody else's, until it is healed; sign-ins that worked are counted."""
    box, other = mail_server.mailbox(), mail_server.mailbox()
    certificates = Path(mail_server.dovecot.folder, "tls")
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))

    def sign_in(port: int, user: str) -> str:
        client = imaplib.IMAP4_SSL("localhost", port, ssl_context=context)
        token = mail_server.token(user)
        try:
            client.authenticate("XOAUTH2", lambda _: f"user={user}\1auth=Bearer {token}\1\1".encode())
        except imaplib.IMAP4.error as refused:
            return str(refused)
        client.logout()
        return "in"

    async def run() -> None:
        behind = mail_server.dovecot.ports.imap
        async with running(certificates / "server.pem", certificates / "server.key", behind) as faults:
            faults.strike(box, Fault.REFUSE_SIGN_IN)
            assert await asyncio.to_thread(sign_in, faults.port, box) == "AUTHENTICATE failed."
            assert await asyncio.to_thread(sign_in, faults.port, other) == "in"
            faults.heal(box)
            assert await asyncio.to_thread(sign_in, faults.port, box) == "in"
            assert faults.logins == {box: 1, other: 1}

    asyncio.run(run())


def test_a_client_that_is_gone(mail_server: MailServer) -> None:
    """The proxy stops in peace, however few moments before that a client hung up."""
    certificates = Path(mail_server.dovecot.folder, "tls")
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))

    async def run() -> None:
        behind = mail_server.dovecot.ports.imap
        for moments in range(20):
            async with running(certificates / "server.pem", certificates / "server.key", behind) as faults:
                reader, writer = await asyncio.open_connection("localhost", faults.port, ssl=context)
                await reader.readline()
                writer.transport.abort()
                for _ in range(moments):
                    await asyncio.sleep(0)

    asyncio.run(run())
