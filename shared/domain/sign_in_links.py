"""
Links to the sign-in page: what a customer's application asks for, signed so that nobody else can ask.

`data` is base64url of JSON, `sig` base64url of HMAC-SHA256 over that JSON under the service secret, as in EmailEngine.
A link lives for a day, and is used up by the first sign-in that succeeds. What follows from it, the way back above all,
is what was signed and nothing else.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import BeforeValidator, StringConstraints, ValidationError

from shared.domain.accounts import AccountId
from shared.domain.errors import RelayError
from shared.domain.fields import Email, FolderPath, OptionalEmail, OptionalName, Since, Title, WebhookUrl
from shared.domain.flows import Wish
from shared.domain.models import ApiModel

LIFETIME = timedelta(days=1)
# A link is not shown by its application at the very moment of its making.
_MARGIN = timedelta(seconds=60)
# No proxy on the way should find the URL too long.
LONGEST = 8192

Paths = Annotated[
    tuple[FolderPath, ...] | None, BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]


class NewSignInForm(ApiModel):
    """
    The body of `POST /v1/authentication/form`.

    `delegated` asks for the mailbox `email` in the name of whoever signs in; `type` is an application's id, which skips
    the choice; `errorRedirect` sends failures to `redirectUrl` too.
    """

    account: AccountId | None = None
    name: OptionalName = None
    email: OptionalEmail = None
    expected_email: OptionalEmail = None
    delegated: bool = False
    notify_from: Since | Literal["now"] | None = None
    sync_from: Since | None = None
    path: Paths = None
    subconnections: Paths = None
    redirect_url: WebhookUrl
    error_redirect: bool = False
    type: Title | Literal[False] | None = None


class Link(ApiModel):
    """
    What a link says.

    Whoever uses it has no other proof of what is allowed, so a name that only a newer version knows makes it void.
    """

    account: AccountId | None = None
    name: OptionalName = None
    email: OptionalEmail = None
    expected_email: OptionalEmail = None
    delegated: bool = False
    notify_from: Since | Literal["now"] | None = None
    sync_from: Since | None = None
    path: Paths = None
    subconnections: Paths = None
    redirect_url: WebhookUrl | None = None
    error_redirect: bool = False
    n: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
    t: int

    @property
    def expires(self) -> datetime:
        """The moment after which nobody can sign in with the link."""
        return datetime.fromtimestamp(self.t / 1000, tz=UTC) + LIFETIME - _MARGIN


class LinkRefused(RelayError):
    """The link was not signed by this service, or has ended."""

    status_hint = 403


def new_link(form: NewSignInForm, *, nonce: str, now: datetime) -> Link:
    """Returns the link that *form* asks for."""
    return Link.model_validate(
        {**form.model_dump(exclude={"type"}), "n": nonce, "t": int(now.timestamp() * 1000)},
    )


def signed(link: Link, secret: str) -> dict[str, str]:
    """Returns the query that carries *link*: `data` and `sig`; what says nothing is left out, as in EmailEngine."""
    told = link.model_dump(mode="json", by_alias=True)
    text = json.dumps({key: value for key, value in told.items() if value}, separators=(",", ":")).encode()
    return {"data": _encoded(text), "sig": _encoded(_mac(secret, text))}


def opened(data: str, sig: str, secrets: Sequence[str], now: datetime) -> Link:
    """
    Returns the link that *data* is, where one of *secrets* signed it.

    Raises LinkRefused for a forged, a damaged and an ended one.
    """
    text, mac = _decoded(data), _decoded(sig)
    if text is None or mac is None or not any(hmac.compare_digest(mac, _mac(secret, text)) for secret in secrets):
        raise LinkRefused("Signature validation failed")
    try:
        link = Link.model_validate_json(text)
        ended = now > link.expires
    except (ValidationError, OverflowError, OSError, ValueError):
        raise LinkRefused("Invalid or expired account setup URL") from None
    if ended:
        raise LinkRefused("Invalid or expired account setup URL")
    return link


def is_expected(expected: Email, identities: Sequence[str | None]) -> bool:
    """Tells whether the address *expected* is one of the *identities* of whoever signed in."""
    return _folded(expected) in {_folded(identity) for identity in identities if identity}


def returning(url: str, **answer: str) -> str:
    """Returns *url* with *answer* added to its query, which stays as it is otherwise."""
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *answer.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _folded(address: str) -> bytes:
    # As bytes only ASCII has two cases: str.lower() would make a k of the Kelvin sign, and one person of two.
    return address.strip().encode().lower()


def _mac(secret: str, text: bytes) -> bytes:
    return hmac.new(secret.encode(), text, hashlib.sha256).digest()


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes | None:
    if len(text) > LONGEST:
        return None
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        return None


def wish_of(link: Link) -> Wish:
    """Returns what shall become of a sign-in that *link* leads to."""
    wanted = {"notify_from", "path", "subconnections", "expected_email"}
    fields = link.model_dump(mode="json", by_alias=True, include=wanted)
    return Wish(
        account=link.account,
        name=link.name,
        email=link.email,
        mailbox=link.email if link.delegated else None,
        expected_email=link.expected_email,
        redirect_url=link.redirect_url,
        error_redirect=link.error_redirect,
        fields={key: value for key, value in fields.items() if value},
        link=link.n,
        link_expires=link.expires,
    )
