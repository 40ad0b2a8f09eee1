"""What every test of the sidecar may ask for."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from sidecar.imap import tls
from sidecar.imap.connection import Connection
from tests.fakes.mail_server import MailServer

Connect = Callable[..., AbstractAsyncContextManager[Connection]]


@pytest.fixture
def connect(mail_server: MailServer) -> Connect:
    """Return how to open a connection to a mailbox of the mail server, signed in as its owner or as a delegate."""
    context = tls.trusting(str(mail_server.dovecot.authority))

    @asynccontextmanager
    async def connected(mailbox: str, user: str | None = None, *, port: int | None = None) -> AsyncIterator[Connection]:
        connection = await Connection.open("localhost", port or mail_server.dovecot.ports.imaps, context)
        try:
            await connection.sign_in(mailbox, mail_server.token(user or mailbox))
            yield connection
        finally:
            await connection.logout()

    return connected
