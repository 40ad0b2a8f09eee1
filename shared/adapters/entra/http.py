"""The connection to Entra ID: pooled, with a timeout on every call."""

from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from shared.patient.session import PatientSession

# A connection that cannot be made is tried once more. urllib3 would sleep through a Retry-After by itself.
_RECONNECT = Retry(1, read=False, respect_retry_after_header=False)


def session() -> requests.Session:
    """
    Returns a session that keeps connections and nothing else.

    REQUESTS_CA_BUNDLE and the proxy variables count. Cookies are refused: the session serves many tenants.
    """
    made = PatientSession("Entra ID")
    made.mount("https://", HTTPAdapter(pool_connections=4, pool_maxsize=16, max_retries=_RECONNECT))
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return made


class Transport:
    """
    What MSAL reaches the network through.

    `last` is the latest answer: MSAL keeps a refusal's status and headers to itself.
    """

    def __init__(self, session: requests.Session, timeout: timedelta) -> None:
        self._session = session
        self._seconds = timeout.total_seconds()
        self.last: requests.Response | None = None

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        """Makes a GET, as MSAL asks for it."""
        return self._call("GET", url, **kwargs)

    def post(self, url: str, **kwargs: Any) -> requests.Response:
        """Makes a POST, as MSAL asks for it."""
        return self._call("POST", url, **kwargs)

    def close(self) -> None:
        """Leaves the session open: other applications use it too."""

    def _call(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        # A refusal must not be read from an earlier answer when this call brings none.
        self.last = None
        self.last = self._session.request(method, url, timeout=self._seconds, **kwargs)
        return self.last
