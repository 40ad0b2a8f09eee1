"""
Flows: a sign-in that is under way, from the link to the user's return.

A link is signed and names what shall become of the sign-in; a flow is one attempt at it, and its id is the OAuth2
`state`. A flow is taken once, and ends by itself when it is old.
"""

from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from shared.domain.models import Carried

# EmailEngine keeps a sign-in that is under way for a day.
LIFETIME = timedelta(days=1)


class Wish(Carried):
    """
    What shall become of a sign-in: an account, and where the user goes then.

    `mailbox` is the shared mailbox that is meant, where it is not the user's own; `fields` are further fields of the
    account, as the API spells them. `link` is the nonce of the link that led here, which counts until `link_expires`.
    """

    account: str | None = None
    name: str | None = None
    email: str | None = None
    mailbox: str | None = None
    expected_email: str | None = None
    redirect_url: str | None = None
    error_redirect: bool = False
    fields: dict[str, Any] = Field(default_factory=dict)
    link: str | None = None
    link_expires: datetime | None = None


class Flow(Carried):
    """
    A pending sign-in to an application.

    `protocol` is what the sign-in library needs at the end, the PKCE verifier among it, so stores keep flows sealed.
    `browser` is the mark of the browser in which it began, where the same one is known to come back.
    """

    id: str
    app: str
    wish: Wish
    protocol: dict[str, Any]
    browser: str | None = None
    expires: datetime

    @property
    def began(self) -> datetime:
        """The moment in which the user was sent to Microsoft."""
        return self.expires - LIFETIME
