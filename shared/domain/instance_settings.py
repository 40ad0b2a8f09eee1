"""
The instance's settings: what an operator changes through `/v1/settings` while the product runs.

(What a deployment fixes, through environment variables, is `shared/settings.py`.)
"""

import re
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, field_validator

from shared.domain.brands import DEFAULT_COLOR, DEFAULT_NAME, Brand, is_color
from shared.domain.events import EventName
from shared.domain.fields import (
    CustomHeaders,
    Flag,
    OptionalName,
    OptionalWebhookUrl,
    Title,
    empty_is_absent,
    http_url,
    plain,
)
from shared.domain.masking import MASK, masked_url
from shared.domain.models import ApiModel, Carried
from shared.domain.signatures import signing_key

_ANY = "*"
# What may stand in a Content-Security-Policy: nothing that could end the directive.
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")
# EmailEngine's further events: a list of them is taken as it is, and those never happen here.
_EMAILENGINE_EVENTS = frozenset(
    {
        "messageSent",
        "messageDeliveryError",
        "messageFailed",
        "messageBounce",
        "messageComplaint",
        "mailboxNew",
        "mailboxDeleted",
        "mailboxReset",
        "connectError",
        "trackOpen",
        "trackClick",
        "listUnsubscribe",
        "listSubscribe",
        "exportCompleted",
        "exportFailed",
    }
)


def _service_url(value: str) -> str:
    mend = "must be the address that the world reaches this service at, like https://relay.example.com"
    try:
        parts = urlsplit(http_url(value))
    except ValueError:
        raise ValueError(mend) from None
    if parts.query or parts.username:
        raise ValueError(mend)
    return value.rstrip("/")


def _page_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not _HOST.fullmatch(parts.netloc):
        raise ValueError("must be an https:// URL")
    return value


def _support_url(value: str) -> str:
    return plain(value) if value.startswith("mailto:") else _page_url(value)


def _color(value: str) -> str:
    if not is_color(value):
        raise ValueError("must be six hex digits, like #0b5cad")
    return value


def _event(value: str) -> str:
    if value != _ANY and value not in set(EventName) | _EMAILENGINE_EVENTS:
        raise ValueError(f'must be "*" or one of: {", ".join(EventName)}; got {value!r}')
    return value


ServiceUrl = Annotated[
    Annotated[str, StringConstraints(max_length=1024, strip_whitespace=True), AfterValidator(_service_url)] | None,
    BeforeValidator(empty_is_absent),
]
PageUrl = Annotated[
    Annotated[str, StringConstraints(max_length=1024, strip_whitespace=True), AfterValidator(_page_url)] | None,
    BeforeValidator(empty_is_absent),
]
SupportUrl = Annotated[
    Annotated[str, StringConstraints(max_length=1024, strip_whitespace=True), AfterValidator(_support_url)] | None,
    BeforeValidator(empty_is_absent),
]
PageColor = Annotated[Annotated[str, AfterValidator(_color)] | None, BeforeValidator(empty_is_absent)]
Events = Annotated[tuple[Annotated[str, AfterValidator(_event)], ...], Field(max_length=100)]
HeaderNames = Annotated[tuple[Title, ...], Field(max_length=200)]
TextSize = Annotated[int, Field(ge=0, le=20 * 1024 * 1024)]
ServiceSecret = Annotated[str, StringConstraints(min_length=8, max_length=512), AfterValidator(plain)]


class FormerSecrets(Carried):
    """The vault's reference to service secrets that others took the place of; nobody reads it after `until`."""

    reference: str
    until: datetime


class InstanceSettings(Carried):
    """
    The settings as they are stored. `secrets` is the vault's reference to the service secrets, newest first.

    `former_secrets` are those that the vault must still forget. A link that was opened before `links_from` connects
    nothing: somebody may have made it with a secret that was ended at that moment.
    The URL and the custom headers of the default webhook live with the webhook; here is what the API shows of them.
    """

    webhooks_enabled: bool = False
    webhooks: str | None = None
    webhook_events: tuple[str, ...] = ()
    custom_header_names: tuple[str, ...] = ()
    service_url: str | None = None
    secrets: str | None = None
    former_secrets: tuple[FormerSecrets, ...] = ()
    links_from: datetime | None = None
    notify_text: bool = True
    notify_text_size: int = 2 * 1024 * 1024
    notify_headers: tuple[str, ...] = ()
    inbox_new_only: bool = False
    page_brand_name: str | None = None
    page_logo: str | None = None
    page_color: str | None = None
    page_support: str | None = None

    def names(self, reference: str) -> bool:
        """Tells whether the vault must keep what *reference* stands for."""
        return reference == self.secrets or any(former.reference == reference for former in self.former_secrets)

    @property
    def brand(self) -> Brand:
        """How the sign-in page looks."""
        return Brand(
            name=self.page_brand_name or DEFAULT_NAME,
            logo=self.page_logo,
            color=self.page_color or DEFAULT_COLOR,
            support=self.page_support,
        )


class InstanceSettingsChange(ApiModel):
    """
    The body of `POST /v1/settings`: what is absent stays as it is, null unsets.

    `serviceSecretGrace` is ours, and no setting: false ends former service secrets now, with a new one or without.
    """

    webhooks_enabled: bool | None = None
    webhooks: OptionalWebhookUrl = None
    webhook_events: Events | None = None
    webhooks_custom_headers: CustomHeaders | None = None
    service_url: ServiceUrl = None
    service_secret: ServiceSecret | None = None
    service_secret_grace: bool | None = None
    notify_text: bool | None = None
    notify_text_size: TextSize | None = None
    notify_headers: HeaderNames | None = None
    inbox_new_only: bool | None = None
    page_brand_name: OptionalName = None
    page_logo: PageUrl = None
    page_color: PageColor = None
    page_support: SupportUrl = None

    @field_validator("service_secret")
    @classmethod
    def _standard_secret_is_base64(cls, value: str | None) -> str | None:
        if value is not None and value.startswith("whsec_"):
            _check_standard_secret(value)
        return value


class InstanceSettingsQuery(ApiModel):
    """The query of `GET /v1/settings`: one truthy argument for each key that is wanted."""

    webhooks_enabled: Flag = False
    webhooks: Flag = False
    webhook_events: Flag = False
    webhooks_custom_headers: Flag = False
    service_url: Flag = False
    service_secret: Flag = False
    notify_text: Flag = False
    notify_text_size: Flag = False
    notify_headers: Flag = False
    inbox_new_only: Flag = False
    page_brand_name: Flag = False
    page_logo: Flag = False
    page_color: Flag = False
    page_support: Flag = False
    event_types: Flag = False


def view(settings: InstanceSettings, query: InstanceSettingsQuery) -> dict[str, Any]:
    """Returns the settings that *query* asks for; of a secret only whether there is one."""
    shown: dict[str, Any] = {
        "webhooksEnabled": settings.webhooks_enabled,
        "webhooks": masked_url(settings.webhooks),
        "webhookEvents": list(settings.webhook_events),
        "webhooksCustomHeaders": [{"key": name, "value": MASK} for name in settings.custom_header_names],
        "serviceUrl": settings.service_url,
        "serviceSecret": settings.secrets is not None,
        "notifyText": settings.notify_text,
        "notifyTextSize": settings.notify_text_size,
        "notifyHeaders": list(settings.notify_headers),
        "inboxNewOnly": settings.inbox_new_only,
        "pageBrandName": settings.page_brand_name,
        "pageLogo": settings.page_logo,
        "pageColor": settings.page_color,
        "pageSupport": settings.page_support,
        "eventTypes": list(EventName),
    }
    wanted = {field.alias or name for name, field in InstanceSettingsQuery.model_fields.items() if getattr(query, name)}
    return {key: value for key, value in shown.items() if key in wanted}


def _check_standard_secret(value: str) -> None:
    try:
        key = signing_key(value)
    except ValueError:
        raise ValueError("must be whsec_ followed by base64, or any other text of at least 8 characters") from None
    if not 24 <= len(key) <= 64:  # noqa: PLR2004  Standard Webhooks' own bounds
        raise ValueError("must hold 24 to 64 bytes behind whsec_")
