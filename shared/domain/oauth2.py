"""
OAuth2 applications: how the product signs in to a tenant, and users to the product.

An application has exactly one of three credentials: a client secret, a certificate, or a user-assigned managed identity
that Entra ID accepts as a federated credential (no secret at all). What else it may be depends on its provider.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, LiteralString, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.domain.clouds import Cloud
from shared.domain.errors import FieldProblem
from shared.domain.expiries import Notice, days_left
from shared.domain.fields import DayOrMoment, Name, OptionalText, Title, plain
from shared.domain.masking import MASK
from shared.domain.models import ApiModel, Carried
from shared.domain.moments import iso
from shared.domain.providers import (
    Provider,
    authority_problem,
    base_scopes_problem,
    is_guid,
    redirect_problem,
    skip_problem,
    spelt,
)


class CredentialKind(StrEnum):
    """What an application proves itself with."""

    SECRET = "secret"  # noqa: S105  a kind of credential, not one
    CERTIFICATE = "certificate"
    MANAGED_IDENTITY = "managedIdentity"


HAS_NO_GIVEN_END: Final = (
    '"clientSecretExpires" is for a "clientSecret": a certificate tells its own end, a managed identity has none'
)


def _tenant(value: str) -> str:
    _refuse("authority", authority_problem(Provider.OUTLOOK_SERVICE, value))
    return value


def _authority(value: str) -> str:
    _refuse("authority", authority_problem(Provider.OUTLOOK, value))
    return value


def _guid(value: str) -> str:
    if not is_guid(value):
        raise ValueError("must be a GUID, like 1f6a0000-0000-4000-8000-000000000000")
    return value


def _refuse(kind: LiteralString, told: str | None) -> None:
    if told is not None:
        raise PydanticCustomError(kind, "{told}", {"told": told})


Tenant = Annotated[str, StringConstraints(max_length=1024, strip_whitespace=True), AfterValidator(_tenant)]
Guid = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_guid)]
Authority = Annotated[str, StringConstraints(max_length=1024, strip_whitespace=True), AfterValidator(_authority)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(plain)]
CertificateText = Annotated[str, StringConstraints(min_length=1, max_length=24_000)]
Scopes = Annotated[
    tuple[Annotated[str, StringConstraints(max_length=255), AfterValidator(plain)], ...], Field(max_length=100)
]


class _Credentials(ApiModel):
    client_secret: Secret | None = Field(default=None, description="The secret's value (not its id).")
    client_secret_expires: DayOrMoment | None = Field(
        default=None, description="When the client secret expires, as Entra ID shows it: nobody else can tell."
    )
    certificate: CertificateText | None = Field(
        default=None, description="Private key and certificate: PEM text, or a PFX file in base64."
    )
    certificate_password: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        default=None, description="Opens the private key or the PFX file."
    )
    managed_identity: Guid | None = Field(
        default=None, description="Client id of a user-assigned managed identity, federated with the application."
    )

    def credential_kinds(self) -> list[CredentialKind]:
        """Returns the kinds of credential that are given."""
        given = {
            CredentialKind.SECRET: self.client_secret,
            CredentialKind.CERTIFICATE: self.certificate,
            CredentialKind.MANAGED_IDENTITY: self.managed_identity,
        }
        return [kind for kind, value in given.items() if value]

    @model_validator(mode="after")
    def _password_opens_a_certificate(self) -> Self:
        if self.certificate_password and not self.certificate:
            raise PydanticCustomError("credential", '"certificatePassword" opens a "certificate", and none is given')
        return self

    @model_validator(mode="after")
    def _only_a_secret_is_given_its_end(self) -> Self:
        if self.client_secret_expires and (self.certificate or self.managed_identity):
            raise PydanticCustomError("client_secret_expires", HAS_NO_GIVEN_END)
        return self


class NewOAuth2App(_Credentials):
    """The body of `POST /v1/oauth2`."""

    name: Name
    description: OptionalText = None
    title: Title | None = None
    # Before the fields whose rules depend on it: pydantic checks them in this order.
    provider: Provider
    enabled: bool = Field(default=False, description="Whether users may choose the application on the sign-in page.")
    client_id: Name
    authority: Annotated[str, StringConstraints(max_length=1024, strip_whitespace=True)]
    cloud: Cloud = Cloud.GLOBAL
    redirect_url: str | None = Field(default=None, validate_default=True)
    base_scopes: Literal["api", "imap"] | None = None
    extra_scopes: Scopes = ()
    skip_scopes: Scopes = ()

    @field_validator("client_secret", "certificate")
    @classmethod
    def _is_no_mask(cls, value: str | None) -> str | None:
        if value == MASK:
            raise ValueError("must be the secret itself, not the stars that stand for it")
        return value

    @field_validator("authority")
    @classmethod
    def _authority_fits(cls, value: str, info: ValidationInfo) -> str:
        if "provider" in info.data:
            _refuse("authority", authority_problem(info.data["provider"], value))
        return spelt(value)

    @field_validator("redirect_url", mode="before")
    @classmethod
    def _redirect_fits(cls, value: Any, info: ValidationInfo) -> str | None:
        if "provider" in info.data:
            _refuse("redirect", redirect_problem(info.data["provider"], value))
        return value or None

    @field_validator("base_scopes")
    @classmethod
    def _base_scopes_fit(cls, value: str | None, info: ValidationInfo) -> str | None:
        if "provider" in info.data:
            _refuse("scopes", base_scopes_problem(info.data["provider"], value))
        return value

    @field_validator("skip_scopes")
    @classmethod
    def _skipped_scopes_fit(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "provider" in info.data:
            _refuse("scopes", skip_problem(info.data["provider"], value))
        return value

    @model_validator(mode="after")
    def _exactly_one_credential(self) -> Self:
        kinds = self.credential_kinds()
        if len(kinds) != 1:
            raise PydanticCustomError(
                "credential",
                'give exactly one of "clientSecret", "certificate" and "managedIdentity"; got {count}',
                {"count": len(kinds)},
            )
        return self


class OAuth2AppChange(_Credentials):
    """The body of `PUT /v1/oauth2/{app}`: what is absent stays as it is."""

    name: Name | None = None
    description: OptionalText = None
    title: Title | None = None
    provider: Provider | None = None
    enabled: bool | None = None
    client_id: Name | None = None
    authority: Authority | Literal["tenant"] | None = None
    tenant: Tenant | None = None
    cloud: Cloud | None = None
    redirect_url: Annotated[str, StringConstraints(max_length=2048)] | Literal[False] | None = None
    base_scopes: Literal["api", "imap"] | None = None
    extra_scopes: Scopes | None = None
    skip_scopes: Scopes | None = None

    @field_validator("client_secret", "certificate")
    @classmethod
    def _mask_means_unchanged(cls, value: str | None) -> str | None:
        return None if value == MASK else value

    @model_validator(mode="after")
    def _at_most_one_credential(self) -> Self:
        if len(self.credential_kinds()) > 1:
            raise PydanticCustomError(
                "credential", 'give at most one of "clientSecret", "certificate" and "managedIdentity"'
            )
        if self.authority == "tenant" and not self.tenant:
            raise PydanticCustomError("tenant", '"tenant" is required when "authority" is "tenant"')
        return self


class FormerSecret(Carried):
    """A reference that is needed no more once every process has read the row that names another: at `until`."""

    reference: str
    until: datetime


class OAuth2App(Carried):
    """
    An application as it is stored: its secret lives in the vault, `secret` is only the reference to it.

    `tenant` is an authority of several tenants where users of all of them may sign in.
    `expires` is the credential's last moment: a certificate's own, a client secret's where it was given. `notice` is
    the newest that was told about it.
    """

    id: str
    name: str
    description: str | None = None
    title: str | None = None
    provider: Provider
    enabled: bool = True
    client_id: str
    tenant: str
    cloud: Cloud
    redirect_url: str | None = None
    extra_scopes: tuple[str, ...] = ()
    skip_scopes: tuple[str, ...] = ()
    credential: CredentialKind
    secret: str | None = None
    former_secrets: tuple[FormerSecret, ...] = ()
    thumbprint: str | None = None
    managed_identity: str | None = None
    expires: datetime | None = None
    notice: Notice | None = None
    created: datetime
    updated: datetime
    revision: str
    last_error: str | None = None


def change_problems(former: OAuth2App, change: OAuth2AppChange) -> list[FieldProblem]:
    """Returns what *former* cannot become; one kind of application never becomes the other."""
    provider = former.provider
    if change.provider not in (None, provider):
        return [FieldProblem("provider", '"provider" cannot change: register another application')]
    if change.base_scopes not in (None, provider.base_scopes):
        return [FieldProblem("baseScopes", '"baseScopes" cannot change: register another application')]
    authority = change.authority if change.authority != "tenant" else None
    told = {
        "authority": authority_problem(provider, authority) if authority else None,
        "redirectUrl": redirect_problem(provider, change.redirect_url) if change.redirect_url is not None else None,
        "skipScopes": skip_problem(provider, change.skip_scopes or ()),
    }
    return [
        FieldProblem(key, f'"{key}" {problem}' if problem.startswith("must") else problem)
        for key, problem in told.items()
        if problem
    ]


class NoticeView(ApiModel):
    """The newest notice about a credential's end, as the event told it."""

    date: str
    days: int


class OAuth2AppView(ApiModel):
    """An application as the API shows it: no field could hold a secret."""

    id: str
    name: str
    description: str | None
    title: str | None
    provider: Provider
    enabled: bool
    include_in_listing: bool
    created: str
    updated: str
    client_id: str
    client_secret: str | None
    client_secret_expires: str | None
    certificate: str | None
    certificate_thumbprint: str | None
    certificate_expires: str | None
    expiry_notice: NoticeView | None
    managed_identity: str | None
    authority: str
    cloud: Cloud
    redirect_url: str | None
    base_scopes: str
    extra_scopes: tuple[str, ...]
    skip_scopes: tuple[str, ...]
    last_error: dict[str, str] | None


def view(app: OAuth2App) -> OAuth2AppView:
    """Returns *app* as the API shows it."""
    expires = iso(app.expires) if app.expires else None
    return OAuth2AppView(
        id=app.id,
        name=app.name,
        description=app.description,
        title=app.title,
        provider=app.provider,
        enabled=app.enabled,
        include_in_listing=app.enabled and app.provider is Provider.OUTLOOK,
        created=iso(app.created),
        updated=iso(app.updated),
        client_id=app.client_id,
        client_secret=MASK if app.credential is CredentialKind.SECRET else None,
        client_secret_expires=expires if app.credential is CredentialKind.SECRET else None,
        certificate=MASK if app.credential is CredentialKind.CERTIFICATE else None,
        certificate_thumbprint=app.thumbprint,
        certificate_expires=expires if app.credential is CredentialKind.CERTIFICATE else None,
        expiry_notice=_notice(app),
        managed_identity=app.managed_identity,
        authority=app.tenant,
        cloud=app.cloud,
        redirect_url=app.redirect_url,
        base_scopes=app.provider.base_scopes,
        extra_scopes=app.extra_scopes,
        skip_scopes=app.skip_scopes,
        last_error={"response": app.last_error} if app.last_error else None,
    )


def _notice(app: OAuth2App) -> NoticeView | None:
    if app.notice is None or app.expires is None:
        return None
    return NoticeView(date=iso(app.notice.at), days=days_left(app.expires, app.notice.at))
