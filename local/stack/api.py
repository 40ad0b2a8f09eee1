"""The public API's client: all that the stack does to the product, a customer could do too."""

from typing import Any

import requests

from local.stack.errors import StackRefused

_SECONDS = 60


class Api:
    """Calls the REST API with a token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        # A proxy or a bundle of authorities that the environment names is not for loopback.
        self._session.trust_env = False

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Returns the answer to a GET."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Returns the answer to a POST."""
        return self._call("POST", path, json=body)

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Returns the answer to a PUT."""
        return self._call("PUT", path, json=body)

    def is_up(self) -> bool:
        """Tells whether the host has indexed the functions and serves them."""
        try:
            return self._session.get(f"{self.url}/admin/host/status", timeout=2).ok
        except requests.RequestException:
            return False

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer = self._session.request(method, f"{self.url}{path}", timeout=_SECONDS, **arguments)
        except requests.RequestException as error:
            raise StackRefused(f"{method} {path} got no answer: {error}") from error
        if not answer.ok:
            raise StackRefused(f"{method} {path} was answered {answer.status_code}: {answer.text[:2000]}")
        told: dict[str, Any] = answer.json()
        return told
