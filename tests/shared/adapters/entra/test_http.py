"""The connection to Entra ID."""

from datetime import timedelta
from email.message import Message
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar

from shared.adapters.entra.http import Transport, session


class Silent(HTTPAdapter):
    """Keep the timeout, and answer nothing."""

    timeout: Any = None

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Time out."""
        self.timeout = kwargs["timeout"]
        raise requests.ReadTimeout


def test_every_call_has_a_timeout() -> None:
    """A call that MSAL makes without a timeout gets ours, and one without an answer leaves no earlier one behind."""
    silent, made = Silent(), session()
    made.mount("https://", silent)
    transport = Transport(made, timedelta(seconds=10))
    transport.last = requests.Response()
    with pytest.raises(requests.ReadTimeout):
        transport.post("https://login.example/token", data={})
    assert silent.timeout == (10, 10)
    assert transport.last is None


def test_no_cookie_is_kept() -> None:
    """What one tenant's sign-in is told does not travel with another's."""
    made = session()
    request = made.prepare_request(requests.Request("GET", "https://login.example/"))
    told = Message()
    told["Set-Cookie"] = "fpc=1; path=/"
    answer = SimpleNamespace(_original_response=SimpleNamespace(msg=told))
    extract_cookies_to_jar(made.cookies, request, answer)  # type: ignore[no-untyped-call]  # its stub has no types
    assert not list(made.cookies)
