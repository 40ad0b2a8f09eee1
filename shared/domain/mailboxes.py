"""A mailbox as Graph counts the requests to it."""

from shared.domain.oauth2 import OAuth2App


def mailbox_key(app: OAuth2App, user: str) -> str:
    """Returns what names the mailbox of *user*: the same for each of our records that leads an application to it."""
    # https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
    return f"{app.tenant}/{app.client_id}/{user.casefold()}"
