"""Sending for a mailbox: its user submits, and what belongs to a shared mailbox is kept there too."""

from shared.adapters.sidecar import wire
from shared.domain.accounts import Account
from shared.domain.errors import RelayError
from shared.services.grants import AccessToken
from sidecar import smtp
from sidecar.imap.errors import Code, Refusal
from sidecar.pool import Pool, Tenant
from sidecar.smtp import Sent, SmtpServer


async def send(pool: Pool, tenant: Tenant, asked: wire.SendAsked) -> wire.Sent:
    """Submits a message, and puts a copy into the sent items of a shared mailbox; a copy that fails fails nothing."""
    token = await pool.token(tenant)
    server = pool.servers.smtp_of(tenant.app.cloud)
    try:
        sent = await _submit(server, token, asked)
    except Refusal as refused:
        if refused.code is not Code.SIGN_IN_REFUSED:
            raise
        # A token that is refused has sent nothing; a fresh one tells whether the sign-in is.
        token = await pool.token(tenant, refused=token)
        sent = await _submit(server, token, asked)
    copy, problem = None, None
    if _is_shared(tenant.account, token.username):
        try:
            async with pool.open(tenant) as mailbox:
                copy = await mailbox.keep_sent(asked.content)
        except (Refusal, RelayError) as failed:
            problem = str(failed)
    return wire.Sent(
        said=sent.said, message_id=sent.message_id, refused=dict(sent.refused), copy_id=copy, copy_problem=problem
    )


async def _submit(server: SmtpServer, token: AccessToken, asked: wire.SendAsked) -> Sent:
    return await smtp.send(
        server,
        token.username,
        token.value,
        sender=asked.sender,
        recipients=asked.recipients,
        message=asked.content,
    )


def _is_shared(account: Account, username: str) -> bool:
    """Tells whether the copy that Exchange keeps is in another mailbox than the account's."""
    own = {username.casefold(), (account.principal or username).casefold()}
    return account.user.casefold() not in own
