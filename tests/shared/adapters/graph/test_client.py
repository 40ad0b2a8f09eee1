"""The connection to Graph."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest
import requests

from shared.adapters.graph.client import Request, address
from shared.adapters.graph.errors import Answer
from shared.domain.clouds import Cloud
from shared.domain.errors import TryLater
from shared.domain.oauth2 import OAuth2App

GOOD = Answer(200, {}, {"id": "1"})
STALE = Answer(401, {}, {"error": {"code": "InvalidAuthenticationToken", "message": "Lifetime validation failed."}})

Wired = Callable[[Callable[[str, str, Any], Answer]], tuple[Any, Any]]


def test_a_call_carries_what_graph_wants(wired: Wired, app: OAuth2App) -> None:
    """Each call has a bearer token, immutable ids, an id of its own and our name, and goes to its cloud."""
    client, wire = wired(lambda *_: GOOD)
    china = app.model_copy(update={"cloud": Cloud.CHINA})
    assert client.send(china, Request("GET", "/users/ada/messages/1?$select=id")).body == {"id": "1"}
    url, headers = wire.calls[0][1], wire.headers[0]
    assert url == "https://microsoftgraph.chinacloudapi.cn/v1.0/users/ada/messages/1?$select=id"
    assert headers["Authorization"] == "Bearer token-1"
    assert headers["Prefer"] == 'IdType="ImmutableId"'
    assert headers["client-request-id"]
    assert headers["User-Agent"] == "Relay365"


def test_a_stale_token_is_replaced_once(wired: Wired, app: OAuth2App) -> None:
    """Graph's 401 costs one fresh token and one more try; a second 401 is the answer."""
    client, wire = wired(lambda *_: STALE if len(wire.calls) == 1 else GOOD)
    assert client.send(app, Request("GET", "/x")).good
    assert [headers["Authorization"] for headers in wire.headers] == ["Bearer token-1", "Bearer token-2"]
    client, wire = wired(lambda *_: STALE)
    assert client.send(app, Request("GET", "/x")).status == 401
    assert len(wire.calls) == 2


@pytest.mark.parametrize("failure", [requests.ConnectTimeout, requests.ConnectionError, requests.ReadTimeout])
def test_no_answer_is_try_later(wired: Wired, app: OAuth2App, failure: type[Exception]) -> None:
    """A network that fails is TryLater, and its cause is kept."""

    def fail(*_: Any) -> Answer:
        raise failure

    client, _ = wired(fail)
    with pytest.raises(TryLater) as caught:
        client.send(app, Request("GET", "/x"))
    assert isinstance(caught.value.__cause__, failure)


def test_a_wait_is_never_slept_through_here(tenant: Any) -> None:
    """A Retry-After comes back at once: a thread that sleeps is a thread that nobody else has."""
    tenant.m365.faults(outer_429={"count": 1, "retry_after": 60})
    began = monotonic()
    answer = tenant.client.send(tenant.app, Request("GET", f"/users/{tenant.mailbox.address}/mailFolders/inbox"))
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    assert monotonic() - began < 30


def test_a_link_never_takes_the_token_elsewhere() -> None:
    """Of a link that Graph gives, only the path counts, so a foreign host gets no token."""
    link = "https://elsewhere.example/v1.0/users/ada/mailFolders/delta?$skiptoken=1"
    assert address("https://graph.microsoft.com", link) == (
        "https://graph.microsoft.com/v1.0/users/ada/mailFolders/delta?$skiptoken=1"
    )
