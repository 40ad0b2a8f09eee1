"""Access tokens of the REST API: shown once, stored as SHA-256, narrowed by scope, account and permissions."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from shared.domain.accounts import AccountId
from shared.domain.fields import DayOrMoment
from shared.domain.models import ApiModel, Carried, OrNewer
from shared.domain.moments import iso


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
    metadata: str | None = None
    ip: str | None = None
    created: datetime
    expires: datetime | None = None

    @property
    def is_understood(self) -> bool:
        """Whether all of it is known here: what a newer version added may narrow it, for all this one can tell."""
        held = (self.model_extra, self.permissions.model_extra if self.permissions else None)
        return not any(value for extra in held if extra for value in extra.values())

    def has(self, scope: Scope) -> bool:
        """Tells whether the token reaches *scope*."""
        return scope in self.scopes or Scope.ALL in self.scopes


class NewToken(ApiModel):
    """The body of `POST /v1/tokens`."""

    account: AccountId | None = None
    description: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)] = (Scope.API,)
    permissions: NewPermissions | None = None
    metadata: Annotated[str, StringConstraints(max_length=16_384)] | None = None
    ip: Annotated[str, StringConstraints(max_length=64)] | None = None
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
        "permissions": _permissions(token.permissions) if token.permissions else None,
        "created": iso(token.created),
        "expires": iso(token.expires) if token.expires else None,
    }


def _permissions(permissions: Permissions) -> dict[str, list[str]]:
    return {"actions": list(permissions.actions), "groups": list(permissions.groups)}
