"""
The connection to Microsoft Graph: the thin skin over requests.

An answer is a value, whether it came alone or inside a batch; `errors.py` says what it means. Only what prevents an
answer raises here.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util import Retry

from shared.adapters.graph.errors import Answer, code_of
from shared.domain.clouds import ENDPOINTS
from shared.domain.errors import TryLater
from shared.domain.oauth2 import OAuth2App
from shared.patient.session import PatientSession
from shared.ports.microsoft365 import TokenSource

# https://learn.microsoft.com/graph/outlook-immutable-id
IMMUTABLE_IDS = 'IdType="ImmutableId"'
_VERSION = "/v1.0"
# A connection that cannot be made is tried once more. urllib3 must not do more by itself: it would sleep through a
# Retry-After, and repeat what Graph may have done already.
_RECONNECT = Retry(1, read=False, respect_retry_after_header=False)
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class Request:
    """A call to Graph; `path` begins after the version (`/users/...`), or is a whole link that Graph gave."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: {"Prefer": IMMUTABLE_IDS})


class _Bearer(AuthBase):
    # As `auth`, not as a header: requests would let a netrc entry overrule the header.
    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class GraphClient:
    """Calls Graph in the name of an application; `graph_url`, where given, stands for every cloud's own."""

    def __init__(
        self, tokens: TokenSource, *, graph_url: str | None = None, timeout: timedelta = timedelta(seconds=30)
    ) -> None:
        self._tokens = tokens
        self._graph_url = graph_url
        self._timeout = timeout
        self._session = PatientSession("Microsoft Graph")
        # 32 threads of the worker, and those that fetch batches for them.
        self._session.mount("https://", HTTPAdapter(pool_connections=4, pool_maxsize=48, max_retries=_RECONNECT))
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers["User-Agent"] = "Relay365"

    def send(self, app: OAuth2App, request: Request, *, timeout: timedelta | None = None) -> Answer:
        """
        Returns Graph's answer, after one more try with a fresh token where Graph refuses the one we hold.

        Raises TryLater where no answer comes, and what TokenSource raises.
        """
        answer = self._send(app, request, timeout or self._timeout)
        if answer.status == _UNAUTHORIZED and code_of(answer) == "InvalidAuthenticationToken":
            self._tokens.forget(app)
            answer = self._send(app, request, timeout or self._timeout)
        return answer

    def _send(self, app: OAuth2App, request: Request, timeout: timedelta) -> Answer:
        base = self._graph_url or ENDPOINTS[app.cloud].graph_url
        token = self._tokens.token(app)
        try:
            response = self._session.request(
                request.method,
                address(base, request.path),
                json=request.body,
                # https://learn.microsoft.com/graph/best-practices-concept#reliability-and-support
                headers={**request.headers, "client-request-id": str(uuid.uuid4())},
                auth=_Bearer(token),
                timeout=timeout.total_seconds(),
                allow_redirects=False,
            )
        except requests.RequestException as exc:
            raise TryLater(f"Microsoft Graph does not answer: {type(exc).__name__}.") from exc
        return Answer(response.status_code, response.headers, _decoded(response.content))


def address(base: str, path: str) -> str:
    """Returns the URL of *path*; of a whole link only the path counts, so the token goes nowhere but to *base*."""
    return f"{base}{_VERSION}{path.partition(_VERSION)[2] if '://' in path else path}"


def _decoded(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return None
