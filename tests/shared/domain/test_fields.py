"""Fields: what an address, a URL and a header may be."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.domain.errors import InvalidRequest
from shared.domain.fields import (
    Email,
    Flag,
    HeaderName,
    HeaderValue,
    Name,
    OptionalEmail,
    OptionalName,
    OptionalText,
    OptionalWebhookUrl,
    WebhookUrl,
    check_scheme,
    has_control_characters,
)

EMAIL, NAME, URL = TypeAdapter(Email), TypeAdapter(Name), TypeAdapter(WebhookUrl)
HEADER_NAME, HEADER_VALUE = TypeAdapter(HeaderName), TypeAdapter(HeaderValue)


@pytest.mark.parametrize(
    ("field", "given", "taken"),
    [
        (EMAIL, " anna@contoso.com ", "anna@contoso.com"),
        (EMAIL, '"odd@name"@contoso.com', '"odd@name"@contoso.com'),
        (EMAIL, "jüri@näide.ee", "jüri@näide.ee"),
        (NAME, " Anna ", "Anna"),
        (URL, "https://user:pass@example.com:8443/hook?a=b", "https://user:pass@example.com:8443/hook?a=b"),
        (URL, "HTTP://example.com", "HTTP://example.com"),
        (HEADER_NAME, "Authorization", "Authorization"),
        (HEADER_VALUE, "Bearer ünder", "Bearer ünder"),
        (HEADER_VALUE, "", ""),
    ],
)
def test_what_is_taken(field: TypeAdapter[str], given: str, taken: str) -> None:
    """Real addresses, URLs and headers pass; white space around them does not count."""
    assert field.validate_python(given) == taken


@pytest.mark.parametrize(
    ("field", "given", "told"),
    [
        (EMAIL, "anna", "must be a valid email"),
        (EMAIL, "@contoso.com", "must be a valid email"),
        (EMAIL, "anna@localhost", "must be a valid email"),
        (EMAIL, "an na@contoso.com", "must be a valid email"),
        (EMAIL, "anna@contoso\x00.com", "must be a valid email"),
        (NAME, "  ", "at least 1 character"),
        (URL, "example.com/hook", "must be a valid uri with a scheme matching the http|https pattern"),
        (URL, "javascript:alert(1)", "must be a valid uri with a scheme matching the http|https pattern"),
        (URL, "https://example.com:99999/", "must be a valid uri with a scheme matching the http|https pattern"),
        (URL, "https://", "must be a valid uri with a scheme matching the http|https pattern"),
        (URL, "https://example.com/#here", "must not hold a fragment (#...)"),
        (URL, "https://example.com/a b", "must not hold white space"),
        (URL, "https://example.com/\r\nHost: x", "must not hold white space"),
        (URL, "https://example.com/" + "a" * 2048, "at most 2048 characters"),
        (HEADER_NAME, "X Note", "is not a header name"),
        (HEADER_NAME, "X-Note:", "is not a header name"),
        (HEADER_NAME, "X-Note\n", "is not a header name"),
        (HEADER_NAME, "Content-Length", "is set by the relay itself or trusted by a platform"),
        (HEADER_NAME, "Webhook-Id", "is set by the relay itself or trusted by a platform"),
        (HEADER_NAME, "x-ee-wh-signature", "is set by the relay itself or trusted by a platform"),
        (HEADER_NAME, "X-MS-Client-Principal", "is set by the relay itself or trusted by a platform"),
        (HEADER_VALUE, "a\r\nX-Other: b", "must not hold control characters or line breaks"),
        (HEADER_VALUE, "日本", "must be Latin-1 text: encode other characters"),
    ],
)
def test_what_is_refused(field: TypeAdapter[str], given: str, told: str) -> None:
    """Each rule has its sentence."""
    with pytest.raises(ValidationError) as refused:
        field.validate_python(given)
    assert told in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize("field", [OptionalName, OptionalText, OptionalEmail, OptionalWebhookUrl])
def test_empty_is_absent(field: Any) -> None:
    """An empty string is no value, as in EmailEngine."""
    assert TypeAdapter(field).validate_python("") is None
    assert TypeAdapter(field).validate_python(None) is None


def test_plain_http_needs_a_deployment_that_takes_it() -> None:
    """A plain http webhook is refused at `webhooks`, with both mends, unless the deployment takes it."""
    check_scheme("HTTPS://example.com", allow_http=False)
    check_scheme(None, allow_http=False)
    check_scheme("http://example.com", allow_http=True)
    with pytest.raises(InvalidRequest) as refused:
        check_scheme("http://example.com", allow_http=False)
    assert refused.value.extras()["fields"] == [
        {
            "key": "webhooks",
            "message": '"webhooks" must be https:// (a deployment that sets WEBHOOK_ALLOW_HTTP takes http:// too)',
        }
    ]


@pytest.mark.parametrize(("text", "found"), [("a b", False), ("é", False), ("a\tb", True), ("\x7f", True)])
def test_control_characters(text: str, *, found: bool) -> None:
    """Tabs, line breaks and DEL are control characters, a space is none."""
    assert has_control_characters(text) is found


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("true", True),
        ("1", True),
        ("Y", True),
        ("on", True),
        ("FALSE", False),
        ("0", False),
        ("N", False),
        ("off", False),
    ],
)
def test_a_flag_has_words(word: str, *, meant: bool) -> None:
    """A flag is any word that EmailEngine takes for yes or no."""
    assert TypeAdapter(Flag).validate_python(word) is meant


@pytest.mark.parametrize("word", ["", "2", "maybe", "true,false", "тrue", None])
def test_what_is_no_flag(word: str | None) -> None:
    """Anything else is refused in words that say what to write."""
    with pytest.raises(ValidationError, match="must be true or false"):
        TypeAdapter(Flag).validate_python(word)
