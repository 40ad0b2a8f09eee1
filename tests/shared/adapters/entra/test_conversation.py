"""What is said between one application and Entra ID."""

from typing import Any

import pytest
import requests

from shared.adapters.entra.conversation import Conversation
from shared.adapters.entra.http import Transport, session
from shared.domain.errors import TryLater
from shared.domain.oauth2 import OAuth2App
from tests.shared.adapters.entra.conftest import NOW, Authority, MovedClock, Secrets, refused

LOGIN = "https://login.microsoftonline.com"


@pytest.fixture
def heard(app: OAuth2App) -> Any:
    """Return a maker of conversations in which Entra ID has said this."""

    def say(reply: Any) -> Conversation:
        connection = session()
        connection.mount("https://", Authority(lambda: reply))
        made = Conversation(app, Secrets(), MovedClock(), Transport(connection, NOW - NOW.replace(hour=0)), LOGIN)
        made.transport.post(f"{LOGIN}/token", data={})
        return made

    return say


def test_a_refusal_is_read_from_what_came_last(heard: Any, app: OAuth2App) -> None:
    """Where MSAL passes no answer on, the last one tells; how long to wait comes from its header."""
    found = heard(refused(429, "temporarily_unavailable", 90055, Retry_After="9")).heard("refresh_token", ["s"], {})
    assert (found.status, found.error, found.codes) == (429, "temporarily_unavailable", (90055,))
    assert found.retry_after is not None
    assert found.retry_after.total_seconds() == 9
    assert (found.url, found.grant) == (f"{LOGIN}/{app.tenant}/oauth2/v2.0/token", "refresh_token")


def test_silence_is_try_later(heard: Any) -> None:
    """Where nothing came there is nothing to read."""
    made = heard((200, {}, {}))
    with pytest.raises(requests.RequestException):
        made.transport.get("http://localhost:1/")
    with pytest.raises(TryLater, match=r"login\.microsoftonline\.com"):
        made.heard("refresh_token", [], {})


def test_msal_is_asked_once(heard: Any) -> None:
    """One conversation makes one MSAL application, since its making asks Entra ID."""
    made = heard((200, {}, {}))
    assert made.msal() is made.msal()
