"""Named types for what recurs in requests, so that a rule stands in one place."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

from shared.domain.errors import FieldProblem, InvalidRequest
from shared.domain.models import ApiModel

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HEADER_NAME = re.compile(r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$")
# Headers that say who we are, how the body travels, or that a platform trusts: a customer cannot set them.
_RESERVED_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "content-type", "user-agent"}
)
_RESERVED_PREFIXES = ("webhook-", "x-ee-wh-", "x-ms-", "x-azure-", "proxy-")
_HEADER_BYTES = 12_000


def has_control_characters(value: str) -> bool:
    """Tells whether *value* holds a character below the space, or DEL."""
    return bool(_CONTROL.search(value))


def check_scheme(url: str | None, *, allow_http: bool) -> None:
    """Raises InvalidRequest naming `webhooks` where *url* is plain http and the deployment does not take that."""
    if url is not None and not url.lower().startswith("https://") and not allow_http:
        mend = "must be https:// (a deployment that sets WEBHOOK_ALLOW_HTTP takes http:// too)"
        raise InvalidRequest(FieldProblem("webhooks", f'"webhooks" {mend}'))


def _day_begins(value: Any) -> Any:
    return f"{value}T00:00:00Z" if isinstance(value, str) and _DAY.fullmatch(value) else value


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _empty_is_absent(value: Any) -> Any:
    return None if value == "" else value


def _email(value: str) -> str:
    local, _, domain = value.rpartition("@")
    if not local or "." not in domain.strip(".") or any(c.isspace() for c in value) or has_control_characters(value):
        raise ValueError("must be a valid email")
    return value


def http_url(value: str) -> str:
    """Returns *value* where it is an absolute http(s) URL without a fragment; raises ValueError otherwise."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _has_port(parts):
        raise ValueError("must be a valid uri with a scheme matching the http|https pattern")
    if parts.fragment:
        raise ValueError("must not hold a fragment (#...)")
    if any(c.isspace() for c in value) or has_control_characters(value):
        raise ValueError("must not hold white space")
    return value


def _has_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _header_name(value: str) -> str:
    lowered = value.lower()
    if not _HEADER_NAME.fullmatch(value):
        raise ValueError("is not a header name (RFC 9110 allows letters, digits and !#$%&'*+-.^_`|~)")
    if lowered in _RESERVED_HEADERS or lowered.startswith(_RESERVED_PREFIXES):
        raise ValueError("is set by the relay itself or trusted by a platform: choose another header")
    return value


def _header_value(value: str) -> str:
    if has_control_characters(value):
        raise ValueError("must not hold control characters or line breaks")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("must be Latin-1 text: encode other characters") from None
    return value


Name = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
OptionalName = Annotated[
    Annotated[str, StringConstraints(max_length=256, strip_whitespace=True)] | None, BeforeValidator(_empty_is_absent)
]
OptionalText = Annotated[Annotated[str, StringConstraints(max_length=1024)] | None, BeforeValidator(_empty_is_absent)]
Email = Annotated[str, StringConstraints(max_length=320, strip_whitespace=True), AfterValidator(_email)]
OptionalEmail = Annotated[Email | None, BeforeValidator(_empty_is_absent)]
WebhookUrl = Annotated[str, StringConstraints(max_length=2048, strip_whitespace=True), AfterValidator(http_url)]
OptionalWebhookUrl = Annotated[WebhookUrl | None, BeforeValidator(_empty_is_absent)]
HeaderName = Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(_header_name)]
HeaderValue = Annotated[str, StringConstraints(max_length=10_240), AfterValidator(_header_value)]
# An ISO 8601 moment, or a day, which stands for its beginning in UTC; a year that nobody means would break arithmetic.
DayOrMoment = Annotated[
    AwareDatetime,
    Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC)),
    AfterValidator(_utc),
    BeforeValidator(_day_begins),
]


class CustomHeader(ApiModel):
    """A header that goes with every webhook of an account or of the instance; its value is kept as a secret."""

    key: HeaderName
    value: HeaderValue


def _fit_a_secret(headers: tuple[CustomHeader, ...]) -> tuple[CustomHeader, ...]:
    # A Key Vault secret holds 25,000 bytes: https://learn.microsoft.com/azure/key-vault/secrets/about-secrets
    if sum(len(header.key) + len(header.value) + 8 for header in headers) > _HEADER_BYTES:
        raise ValueError(f"must hold {_HEADER_BYTES} characters or fewer in all")
    return headers


CustomHeaders = Annotated[tuple[CustomHeader, ...], Field(max_length=50), AfterValidator(_fit_a_secret)]
