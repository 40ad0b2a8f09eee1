"""
Flows: a sign-in that is under way, from the link to the user's return.

A link is signed and names what shall become of the sign-in; a flow is one attempt at it, and its id is the OAuth2
`state`. A flow is taken once, and ends by itself when it is old.
"""

from datetime import datetime, timedelta
from typing import Any

from shared.domain.models import Owned

# EmailEngine keeps a sign-in that is under way for a day.
LIFETIME = timedelta(days=1)


class Flow(Owned):
    """
    A pending sign-in.

    `link` is what was signed, or what an API caller asked for; `protocol` is what the sign-in library needs at the end,
    the PKCE verifier among it, so stores keep it sealed.
    """

    id: str
    app: str
    link: dict[str, Any]
    protocol: dict[str, Any]
    expires: datetime
