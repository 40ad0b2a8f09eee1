"""How Graph's addresses name a mailbox."""

import re
from urllib.parse import quote, unquote

_GUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_BEGINS_LIKE_A_MAILBOX_ID = re.compile(rf"{_GUID}.", re.IGNORECASE)
_KEY_IN_BRACKETS = re.compile(r"\('([^']*)'\)")


def user_path(user: str) -> str:
    """Returns `/users/...` for an address, a UPN or an object id."""
    return f"/users/{quote(user, safe='@')}"


def messages_resource(user: str) -> str:
    """Returns the resource of a subscription to every message of the mailbox."""
    # A UPN that begins with a GUID would be taken for a mailbox GUID.
    # https://learn.microsoft.com/graph/outlook-change-notifications-overview
    prefix = "AAD-UPN:" if _BEGINS_LIKE_A_MAILBOX_ID.match(user) else ""
    return f"users/{prefix}{quote(user, safe='@')}/messages"


def same_resource(one: str, other: str) -> bool:
    """Tells whether two resources are one: Graph writes `Users('x')/Messages` for `users/x/messages`."""
    return _plain(one) == _plain(other)


def _plain(resource: str) -> str:
    return unquote(_KEY_IN_BRACKETS.sub(r"/\1", resource)).strip("/").casefold()
