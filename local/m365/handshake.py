"""The validation handshake: an endpoint proves that it listens by sending a token back."""

import uuid
from urllib.parse import quote_plus

from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from local.m365.behaviour import Behaviour
from local.m365.errors import GraphError
from local.m365.stats import Stats


async def validate(url: str, session: ClientSession, behaviour: Behaviour, stats: Stats) -> None:
    """Accepts an endpoint that answers 200, text/plain, with exactly the decoded token."""
    # https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation
    stats.count("validations")
    token = f"Validation: Testing client application reachability for subscription Request-Id: {uuid.uuid4()} 100%25+%"
    # Real tokens come form-encoded with lower-case escapes; one with a percent shows who decodes twice.
    encoded = quote_plus(token).replace("%3A", "%3a").replace("%2B", "%2b")
    target = URL(f"{url}{'&' if '?' in url else '?'}validationToken={encoded}", encoded=True)
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    timeout = ClientTimeout(total=behaviour.validation_timeout)
    try:
        async with session.post(target, headers=headers, timeout=timeout, allow_redirects=False) as response:
            body = await response.read()
            answer = (response.status, response.content_type)
    except TimeoutError as exc:
        raise _failed(behaviour, stats, "Subscription validation request timed out.") from exc
    except (ClientError, OSError) as exc:
        raise _failed(behaviour, stats, f"Subscription validation request failed. {type(exc).__name__}.") from exc
    if answer != (200, "text/plain") or body != token.encode():
        reason = f"It answered {answer[0]} {answer[1]}" + ("." if body == token.encode() else " and another token.")
        message = "Subscription validation request failed. Must respond with 200 OK and the token to this request. "
        raise _failed(behaviour, stats, message + reason)


def _failed(behaviour: Behaviour, stats: Stats, message: str) -> GraphError:
    stats.count("validations_failed")
    return GraphError(400, behaviour.validation_error_code, message)
