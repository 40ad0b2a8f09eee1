"""Access tokens: who may call the API, and what for."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.accounts import AccountState, account_key
from shared.domain.callers import Caller
from shared.domain.errors import (
    AccountNotFound,
    FieldProblem,
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    TokenNotFound,
)
from shared.domain.paging import numbered
from shared.domain.rate_limits import Allowance
from shared.domain.restrictions import Restrictions
from shared.domain.tokens import Action, Group, NewToken, Scope, Token, TokenQuery, token_id, view
from shared.ports.machine import Machine
from shared.ports.state import AccountStore, TokenStore
from shared.services.lookups import Lookup
from shared.services.rate_limits import RateLimits

_DIGEST_LENGTH = 64


@dataclass(frozen=True)
class Tokens:
    """
    Checks, makes, lists and revokes access tokens.

    `first` are the ids of those that the deployment fixes, `proxies` is how many stand between a caller and us.
    """

    store: TokenStore
    lookup: Lookup[Token | None]
    limits: RateLimits
    accounts: AccountStore
    machine: Machine
    first: Sequence[str]
    proxies: int

    def authorize(
        self, value: str | None, scope: Scope, action: Action, group: Group, account: str | None, *, caller: Caller
    ) -> Allowance | None:
        """
        Lets the bearer of *value* do *action* on *group* (and on *account*, where the route names one), or raises.

        Returns what a token with a rate limit may still do. Raises NotAuthenticated for no token or an unknown one,
        Forbidden for one that does not reach so far, RateLimitExceeded for one that was used often enough.
        """
        if not value:
            raise NotAuthenticated("Missing authentication")
        identity = token_id(value)
        if any([hmac.compare_digest(identity, first) for first in self.first]):  # noqa: C419  all, in the same time
            return None
        token = self.lookup.get(identity)
        if token is None or (token.expires is not None and token.expires <= self.machine.clock.now()):
            raise NotAuthenticated("Bad token")
        if not token.is_understood:
            raise Forbidden("The token holds what only a newer version of this service understands")
        if not token.has(scope):
            raise Forbidden("Unauthorized scope", requestedScope=scope)
        if token.permissions is not None and not token.permissions.allow(action, group):
            raise Forbidden("Unauthorized permission", requiredPermission={"action": action, "group": group})
        if token.account is not None and token.account != account:
            raise Forbidden("Unauthorized account")
        return self._restricted(token.id, token.restrictions, caller) if token.restrictions else None

    def make(self, request: NewToken) -> dict[str, str]:
        """Makes a token and returns its value, which is shown this once, and its id."""
        # Permissions narrow what the API does; who only reads metrics cannot call it.
        if request.account is None and request.permissions is None and set(request.scopes) != {Scope.METRICS}:
            raise InvalidRequest(
                FieldProblem(
                    "permissions",
                    '"permissions" is required for a token that is not bound to an "account": '
                    "name the actions and groups that it may use",
                )
            )
        narrowed = [name for name in ("account", "permissions") if getattr(request, name) is not None]
        if set(request.scopes) == {Scope.METRICS} and narrowed:
            raise InvalidRequest(
                *(
                    FieldProblem(name, f'"{name}" must be left out where "scopes" is only "metrics"')
                    for name in narrowed
                )
            )
        if Scope.ALL in request.scopes:
            raise InvalidRequest(
                FieldProblem("scopes", '"scopes" must name the scopes: "*" is not given through the API')
            )
        if request.expires is not None and request.expires <= self.machine.clock.now():
            raise InvalidRequest(FieldProblem("expires", '"expires" must be in the future'))
        incarnation = self._incarnation(request.account) if request.account is not None else None
        if request.account is not None and incarnation is None:
            raise AccountNotFound(request.account)
        value = self.machine.randomness.token()
        token = Token(id=token_id(value), created=self.machine.clock.now(), **request.model_dump())
        self.store.insert(token)
        if request.account is not None and self._incarnation(request.account) != incarnation:
            # Whoever removed the account meanwhile may have looked for its tokens before this one was there.
            self.revoke(token.id)
            raise AccountNotFound(request.account)
        self.lookup.forget(token.id)
        self.machine.log.event("token.made", token=token.id, account=token.account, scopes=list(token.scopes))
        return {"token": value, "id": token.id}

    def page(self, query: TokenQuery) -> dict[str, Any]:
        """Returns a numbered page of tokens, without their values."""
        wanted = (query.query or "").lower()
        found = [
            token
            for token in self.store.all()
            if query.account in (None, token.account) and (wanted in token.description.lower() or wanted in token.id)
        ]
        counts, shown = numbered(found, query.page, query.page_size)
        return {
            "account": query.account,
            "query": query.query or False,
            **counts,
            "tokens": [view(token) for token in shown],
        }

    def show(self, identity: str) -> dict[str, Any]:
        """Returns one token without its value; raises TokenNotFound."""
        token = self.store.get(identity) if len(identity) == _DIGEST_LENGTH else None
        if token is None:
            raise TokenNotFound
        return view(token)

    def revoke_bound(self, account: str) -> None:
        """Removes the tokens that are bound to *account*: they must not open another one that is called the same."""
        for token in [token for token in self.store.all() if token.account == account]:
            self.revoke(token.id)

    def revoke(self, value_or_id: str) -> bool:
        """Removes the token that has this value or id and tells whether there was one."""
        for identity in (token_id(value_or_id), value_or_id):
            if self.store.delete(identity):
                self.lookup.forget(identity)
                self.limits.forget(identity)
                self.machine.log.event("token.revoked", token=identity)
                return True
        return False

    def _incarnation(self, account: str) -> str | None:
        """Returns which registration of *account* is alive, None where it is none."""
        stored = self.accounts.get(account_key(account))
        return None if stored is None or stored.value.state is AccountState.DELETED else stored.value.incarnation

    def _restricted(self, token: str, restrictions: Restrictions, caller: Caller) -> Allowance | None:
        if restrictions.addresses:
            address = caller.address(self.proxies)
            if not restrictions.admit_address(address):
                raise Forbidden("Unauthorized address", remoteAddress=str(address) if address else None)
        if not restrictions.admit_referrer(caller.referrer):
            raise Forbidden("Unauthorized referrer")
        return self.limits.spend(token, restrictions.rate_limit) if restrictions.rate_limit else None
