"""
Registrations: an account comes in, and which way it gets into its mailbox is found out first.

An application of application access opens any mailbox by itself. For an application that users sign in to, somebody
must have signed in: the caller brings the sign-in along, names the account whose user made one, or asks for one.
"""

from dataclasses import dataclass

from shared.domain.accounts import Access
from shared.domain.errors import FieldProblem, InvalidRequest
from shared.domain.flows import Wish
from shared.domain.oauth2 import OAuth2App
from shared.domain.providers import Provider
from shared.domain.registrations import AccountChange, AccountOAuth2, NewAccount
from shared.domain.sign_in_links import is_expected
from shared.ports.records import Stored
from shared.ports.sign_ins import SignIns as CodeFlow
from shared.services.accounts import Accounts
from shared.services.grants import Grants
from shared.services.lookups import Lookup
from shared.services.sign_ins import SignIns

_NOBODY_SIGNS_IN = "Application-only OAuth providers do not support interactive authorization"


@dataclass(frozen=True)
class Registrations:
    """Registers and changes accounts, whichever way they get into their mailboxes."""

    accounts: Accounts
    apps: Lookup[Stored[OAuth2App] | None]
    grants: Grants
    code_flow: CodeFlow
    sign_ins: SignIns

    def register(self, request: NewAccount) -> dict[str, str]:
        """
        Registers an account, or begins the sign-in that will.

        Returns its `account` and `state` (`new` or `existing`), or where to `redirect` the user. Raises InvalidRequest
        where the request does not lead to a mailbox.
        """
        app = self._app(request.oauth2.provider)
        if request.oauth2.authorize and app.provider is Provider.OUTLOOK:
            return {"redirect": self.sign_ins.authorize(app, _wish(request))}
        access = self._access(request.account, app, request.oauth2, request.expected_email)
        account, state = self.accounts.register(request, access)
        return {"account": account, "state": state}

    def change(self, account: str, change: AccountChange) -> None:
        """Changes what *change* names and connects anew; raises AccountNotFound, or InvalidRequest as `register`."""
        access = None
        if change.oauth2 is not None:
            app = self._app(change.oauth2.provider)
            if change.oauth2.authorize and app.provider is Provider.OUTLOOK:
                raise _wrong("oauth2.authorize", "must be absent: a sign-in is asked for through POST /v1/account")
            access = self._access(account, app, change.oauth2, change.expected_email)
        self.accounts.change(account, change, access)

    def _app(self, app: str) -> OAuth2App:
        stored = self.apps.get(app)
        if stored is None:
            # It may have been registered a moment ago, by another process.
            self.apps.forget(app)
            stored = self.apps.get(app)
        if stored is None:
            raise InvalidRequest(
                FieldProblem("oauth2.provider", f"no OAuth2 application is registered as {app!r}"),
                message="Invalid or missing OAuth2 provider",
            )
        return stored.value

    def _access(self, account: str | None, app: OAuth2App, oauth2: AccountOAuth2, expected: str | None) -> Access:
        if app.provider is Provider.OUTLOOK_SERVICE:
            return _as_itself(app, oauth2)
        if oauth2.refresh_token is not None:
            return self._brought(app, oauth2, oauth2.refresh_token, expected)
        if oauth2.auth is not None and oauth2.auth.delegated_account is not None:
            return self._lent(app, oauth2.mailbox or "", oauth2.auth.delegated_account)
        known = self.accounts.get(account) if account else None
        if known is not None and known.grant and known.app == app.id and _same(known.user, oauth2.mailbox):
            return known.access
        if oauth2.access_token is not None:
            raise _wrong("oauth2.refreshToken", "is required: an access token alone ends within 90 minutes")
        raise _wrong(
            "oauth2",
            "a user must sign in to this application: send them to the page that POST /v1/authentication/form "
            'returns, or set "authorize": true, or give "refreshToken", or name in "auth.delegatedAccount" an account '
            "whose user has signed in",
        )

    def _brought(self, app: OAuth2App, oauth2: AccountOAuth2, refresh_token: str, expected: str | None) -> Access:
        signed_in = self.code_flow.adopt(app, refresh_token)
        identities = [signed_in.username, signed_in.email]
        if expected and not is_expected(expected, identities):
            raise _wrong("oauth2.refreshToken", f"is of {signed_in.username}, and expectedEmail is {expected}")
        named = oauth2.auth.user if oauth2.auth else None
        if named and not is_expected(named, identities):
            raise _wrong("oauth2.auth.user", f"must be who signed in, which is {signed_in.username}")
        grant = self.grants.keep(app, signed_in)
        delegated = oauth2.auth.delegated_user if oauth2.auth else None
        return Access(app.id, delegated or signed_in.username, grant.id, signed_in.username)

    def _lent(self, app: OAuth2App, mailbox: str, lender: str) -> Access:
        parent = self.accounts.get(lender)
        if parent is None:
            raise _wrong("oauth2.auth.delegatedAccount", f"no account is registered as {lender!r}")
        if parent.grant is None or parent.app != app.id:
            raise _wrong(
                "oauth2.auth.delegatedAccount",
                f"must be an account whose user signed in to {app.id!r}; {lender!r} is none",
            )
        return Access(app.id, mailbox, parent.grant, parent.principal, parent=lender)


def _as_itself(app: OAuth2App, oauth2: AccountOAuth2) -> Access:
    if oauth2.authorize:
        raise _wrong("oauth2.authorize", _NOBODY_SIGNS_IN)
    if oauth2.access_token or oauth2.refresh_token:
        raise _wrong("oauth2.refreshToken", "must be absent: the application signs in by itself, and no user does")
    if oauth2.auth is not None and oauth2.auth.delegated_account is not None:
        raise _wrong("oauth2.auth.delegatedAccount", "must be absent: the application opens each mailbox by itself")
    if oauth2.mailbox is None:
        raise _wrong("oauth2.auth", 'is required: {"user": the address (or user principal name) of the mailbox}')
    return Access(app.id, oauth2.mailbox)


def _wish(request: NewAccount) -> Wish:
    told = request.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for name in ("account", "name", "email", "oauth2"):
        told.pop(name, None)
    return Wish(
        account=request.account,
        name=request.name,
        email=request.email,
        mailbox=request.oauth2.auth.delegated_user if request.oauth2.auth else None,
        expected_email=request.expected_email,
        redirect_url=request.oauth2.redirect_url,
        fields=told,
    )


def _same(user: str, other: str | None) -> bool:
    return other is None or user.lower() == other.lower()


def _wrong(key: str, mend: str) -> InvalidRequest:
    return InvalidRequest(FieldProblem(key, mend))
