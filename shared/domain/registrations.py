"""
Registrations: what callers say of an account that comes in or is changed.

An account's id is theirs, or made up here; whose mailbox it is stands in `auth`; how we get into it depends on the
application's provider.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.domain.accounts import AccountId
from shared.domain.fields import CustomHeaders, OptionalEmail, OptionalName, OptionalWebhookUrl
from shared.domain.models import ApiModel

_NO_USER = re.compile(r"[/?#\\\s]")
_SERVER = "must be false or absent: the account is read through Microsoft Graph and has no {name} server"


def _mailbox_user(value: str) -> str:
    if _NO_USER.search(value):
        raise ValueError("must be a mailbox's address or user principal name: no spaces, and none of / ? # \\")
    return value


UserToken = Annotated[str, StringConstraints(min_length=1, max_length=16_384)]
MailboxUser = Annotated[
    str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True), AfterValidator(_mailbox_user)
]


class MailboxAuth(ApiModel):
    """
    Whose mailbox: `user` is its address or UPN; `delegatedUser`, when given, is the mailbox instead.

    `delegatedAccount` names the account whose user has signed in already, and may open the mailbox too.
    """

    user: MailboxUser | None = None
    delegated_user: MailboxUser | None = None
    delegated_account: AccountId | None = None

    @model_validator(mode="after")
    def _names_a_mailbox(self) -> Self:
        if not (self.user or self.delegated_user):
            raise PydanticCustomError(
                "auth", '"user" is required: the address (or user principal name) of the mailbox to watch'
            )
        if self.delegated_account and not self.delegated_user:
            raise PydanticCustomError(
                "auth", '"delegatedAccount" needs "delegatedUser": the mailbox to open in the name of its user'
            )
        return self


class AccountOAuth2(ApiModel):
    """
    The OAuth2 application that an account signs in through, and the mailbox it opens.

    Which of the further fields an application takes depends on its provider: `authorize` asks for a user's sign-in that
    ends at `redirectUrl`, `refreshToken` brings one that has been made elsewhere.
    """

    provider: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    auth: MailboxAuth | None = None
    authorize: bool = False
    partial: bool = False
    redirect_url: OptionalWebhookUrl = None
    access_token: UserToken | None = Field(default=None, repr=False)
    refresh_token: UserToken | None = Field(default=None, repr=False)
    expires: datetime | None = None

    @model_validator(mode="after")
    def _leads_to_a_mailbox(self) -> Self:
        if self.auth is None and not (self.authorize or self.refresh_token):
            raise PydanticCustomError(
                "auth", '"auth" is required: {{"user": the address (or user principal name) of the mailbox to watch}}'
            )
        if self.redirect_url and not self.authorize:
            raise PydanticCustomError("redirect", '"redirectUrl" is where a sign-in ends: it needs "authorize": true')
        return self

    @property
    def mailbox(self) -> str | None:
        """The address or UPN of the mailbox, where the request names one."""
        return (self.auth.delegated_user or self.auth.user) if self.auth else None


class _AccountFields(ApiModel):
    name: OptionalName = None
    email: OptionalEmail = None
    webhooks: OptionalWebhookUrl = None
    webhooks_custom_headers: CustomHeaders | None = None
    copy_: bool | None = Field(default=None, alias="copy")
    logs: bool | None = None
    locale: Annotated[str, StringConstraints(max_length=100)] | None = None
    tz: Annotated[str, StringConstraints(max_length=100)] | None = None
    notify_from: datetime | Literal["now"] | None = None
    path: str | tuple[Annotated[str, StringConstraints(max_length=1024)], ...] | None = None
    subconnections: tuple[Annotated[str, StringConstraints(max_length=256)], ...] | None = None
    expected_email: OptionalEmail = None
    smtp_ehlo_name: OptionalName = None
    imap_indexer: Literal["full", "fast"] | None = None
    imap: Any = None
    smtp: Any = None

    @field_validator("imap", "smtp")
    @classmethod
    def _no_server(cls, value: Any, info: Any) -> None:
        if value not in (None, False):
            raise ValueError(_SERVER.format(name=info.field_name.upper()))


class NewAccount(_AccountFields):
    """The body of `POST /v1/account`; `account: null` asks for a generated id."""

    account: AccountId | None
    oauth2: AccountOAuth2

    @property
    def address(self) -> str | None:
        """The account's address: `email`, or the mailbox user where that is an address."""
        mailbox = self.oauth2.mailbox
        return self.email or (mailbox if mailbox and "@" in mailbox else None)


class AccountChange(_AccountFields):
    """The body of `PUT /v1/account/{account}`: what is absent stays as it is."""

    oauth2: AccountOAuth2 | None = None
