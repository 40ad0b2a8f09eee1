"""Asks our own public address what Graph will ask it, so that a wrong address is found before Graph finds it."""

from dataclasses import dataclass
from http import HTTPStatus
from secrets import token_hex
from urllib.parse import quote

import requests

from shared.domain.errors import TryLater
from shared.patient.session import PatientSession

# Graph waits 10 s for the token.
# https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation
_TIMEOUT_SECONDS = 10
_PATH = "/oauth/msg/notification"
_READ_BYTES = 4096

_MEND_STATUS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "let callers in without a sign-in (App Service authentication, API Management)",
    HTTPStatus.FORBIDDEN: "let Graph's addresses in (access restrictions, a firewall, a private endpoint)",
    HTTPStatus.NOT_FOUND: f"set the service URL to the address under which this app answers {_PATH}",
}


@dataclass(frozen=True)
class HttpEndpointProbe:
    """Makes Graph's handshake with our notification endpoint, over the way that Graph takes."""

    user_agent: str

    def reach(self, service_url: str) -> None:
        """Makes the handshake once; raises TryLater with what was found instead, and what would mend it."""
        # What a proxy or a framework decodes wrongly shows on these characters.
        token = f"Validation: is this address ours? 100% sure + {token_hex(8)}"
        url = f"{service_url.rstrip('/')}{_PATH}"
        try:
            with (
                PatientSession("The notification endpoint") as session,
                session.post(
                    f"{url}?validationToken={quote(token, safe='')}",
                    headers={"User-Agent": self.user_agent, "Content-Type": "text/plain; charset=utf-8"},
                    timeout=_TIMEOUT_SECONDS,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                body = next(response.iter_content(_READ_BYTES), b"")
        except requests.RequestException as error:
            raise TryLater(f"{url} cannot be reached: {_mend(error)}.") from error
        problem = _problem(response, body, token)
        if problem:
            raise TryLater(f"{url} {problem}.")


def _mend(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not accepted; serve one that names this host, from a public authority"
    if isinstance(error, requests.Timeout):
        return "no answer came in time; check that the app runs and that Graph's addresses are let in"
    if isinstance(error, requests.ConnectionError):
        return "no connection comes about; check the host's name in the service URL, and that the app runs"
    return "the service URL is no URL that can be called; set it to https:// and the app's public host"


def _problem(response: requests.Response, body: bytes, token: str) -> str | None:
    """Returns what is wrong with an answer to the handshake, or None where Graph would take it."""
    status = response.status_code
    if response.is_redirect:
        return "redirects, which Graph does not follow; set the service URL to the address it redirects to"
    if status != HTTPStatus.OK:
        return f"answers {status} instead of 200; {_MEND_STATUS.get(status, 'look into the log of the app')}"
    kind = response.headers.get("Content-Type", "nothing")
    if kind.partition(";")[0].strip().lower() != "text/plain":
        return (
            f"answers with {kind!r} instead of 'text/plain'; set the service URL to this app, not to a page before it"
        )
    if body != token.encode():
        return "does not repeat the token exactly; have what stands before the app pass the query string on unchanged"
    return None
