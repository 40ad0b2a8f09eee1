"""Access tokens of the REST API: shown once, stored as SHA-256, narrowed by scope, account and permissions."""

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from shared.domain.accounts import AccountId
from shared.domain.fields import DayOrMoment, empty_is_absent, lines
from shared.domain.models import ApiModel, Carried, OrNewer
from shared.domain.moments import iso
from shared.domain.restrictions import NewRestrictions, Restrictions, holding, shown


class Scope(StrEnum):
    """What a token opens; `*` opens everything."""

    API = "api"
    METRICS = "metrics"
    ALL = "*"


class Action(StrEnum):
    """What a route does, in the words of EmailEngine's permissions."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


class Group(StrEnum):
    """What a route is about, in the words of EmailEngine's permissions; nobody can be granted `admin`."""

    ACCOUNT = "account"
    WEBHOOK = "webhook"
    ADMIN = "admin"


class NewPermissions(ApiModel):
    """Permissions as a request names them; EmailEngine's further names are accepted."""

    actions: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    groups: Annotated[tuple[str, ...], Field(max_length=40)] = ()


class Permissions(Carried):
    """An allow-list of actions and groups: what is not named is denied."""

    actions: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def allow(self, action: Action, group: Group) -> bool:
        """Tells whether both are granted."""
        return group is not Group.ADMIN and action in self.actions and group in self.groups


class Token(Carried):
    """A token as it is stored: `id` is the SHA-256 of its bytes, in hex; `account` binds it to one account."""

    id: str
    description: str
    scopes: tuple[OrNewer[Scope], ...]
    account: str | None = None
    permissions: Permissions | None = None
    restrictions: Restrictions | None = None
    metadata: str | None = None
    ip: str | None = None
    created: datetime
    expires: datetime | None = None

    @property
    def is_understood(self) -> bool:
        """Whether all of it is known here: what a newer version added may narrow it, for all this one can tell."""
        return not _holds_more(self)

    def has(self, scope: Scope) -> bool:
        """Tells whether the token reaches *scope*."""
        return scope in self.scopes or Scope.ALL in self.scopes


def _holds_more(value: Carried) -> bool:
    return any((value.model_extra or {}).values()) or any(
        _holds_more(part) for _, part in value if isinstance(part, Carried)
    )


def _ip(value: str) -> str:
    try:
        ip_address(value)
    except ValueError:
        raise ValueError("must be an IP address") from None
    return value


def _json(value: str) -> str:
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("must be JSON, as text") from None
    return value


class NewToken(ApiModel):
    """The body of `POST /v1/tokens`; `ip` only notes whose token it is, as in EmailEngine."""

    account: AccountId | None = None
    description: Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(lines)]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)] = (Scope.API,)
    permissions: NewPermissions | None = None
    restrictions: Annotated[NewRestrictions | None, AfterValidator(holding)] = None
    metadata: Annotated[
        Annotated[str, StringConstraints(max_length=16_384), AfterValidator(_json)] | None,
        BeforeValidator(empty_is_absent),
    ] = None
    ip: Annotated[
        Annotated[str, StringConstraints(max_length=64), AfterValidator(_ip)] | None, BeforeValidator(empty_is_absent)
    ] = None
    expires: DayOrMoment | None = None


class TokenQuery(ApiModel):
    """The query of `GET /v1/tokens`."""

    account: Annotated[str, StringConstraints(max_length=256)] | None = None
    query: Annotated[str, StringConstraints(max_length=256)] | None = None
    page: Annotated[int, Field(ge=0, le=1_048_576)] = 0
    page_size: Annotated[int, Field(ge=1, le=1000)] = 20


def token_id(value: str) -> str:
    """Returns the id of the token *value*: SHA-256 over its 32 bytes, or over its text where it is not hex."""
    try:
        raw = bytes.fromhex(value)
    except ValueError:
        raw = value.encode()
    return hashlib.sha256(raw).hexdigest()


def view(token: Token) -> dict[str, Any]:
    """Returns *token* as the API lists it; its value is not kept anywhere."""
    return {
        "id": token.id,
        "account": token.account,
        "description": token.description,
        "metadata": token.metadata,
        "ip": token.ip,
        "scopes": list(token.scopes),
        "restrictions": shown(token.restrictions) if token.restrictions else None,
        "permissions": _permissions(token.permissions) if token.permissions else None,
        "created": iso(token.created),
        "expires": iso(token.expires) if token.expires else None,
    }


def _permissions(permissions: Permissions) -> dict[str, list[str]]:
    return {"actions": list(permissions.actions), "groups": list(permissions.groups)}
