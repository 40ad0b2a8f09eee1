"""Which connections are kept, and which are not handed out again."""

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.adapters.webhook_http import connections
from shared.adapters.webhook_http.connections import Connection, Connections
from shared.adapters.webhook_http.dialer import Dialer, look_up
from shared.adapters.webhook_http.targets import read_target

HERE = read_target("https://a.example/one", allow_http=False)
HERE_TOO = read_target("https://me:secret@a.example/two", allow_http=False)
ELSEWHERE = read_target("https://b.example/one", allow_http=False)


@pytest.fixture
def kept() -> Connections:
    """Return a shelf for two connections; none of these tests opens one."""
    with ThreadPoolExecutor(1) as threads:
        return Connections(Dialer([], look_up, threads), ssl.create_default_context(), 2)


@pytest.fixture
def others() -> Iterator[list[socket.socket]]:
    """Return the far ends of the connections made, in their order; they stay open until the test ends."""
    ends: list[socket.socket] = []
    yield ends
    for end in ends:
        end.close()


@pytest.fixture
def connection(others: list[socket.socket]) -> Callable[[], Connection]:
    """Return a maker of connections."""

    def make() -> Connection:
        ours, theirs = socket.socketpair()
        others.append(theirs)
        return Connection(HERE, ours)

    return make


def test_same_origin_shares_a_connection(kept: Connections, connection: Callable[[], Connection]) -> None:
    """Scheme, host and port decide who gets a kept connection, once."""
    one = connection()
    kept.keep(one)
    assert kept.take(ELSEWHERE) is None
    assert kept.take(HERE_TOO) is one
    assert kept.take(HERE) is None
    one.close()


def test_connection_with_news_is_dropped(
    kept: Connections, connection: Callable[[], Connection], others: list[socket.socket]
) -> None:
    """A connection on which the endpoint hung up is closed, and an older one that lives is handed out."""
    lives, dead = connection(), connection()
    kept.keep(lives)
    kept.keep(dead)
    others[-1].close()
    assert kept.take(HERE) is lives
    assert dead.sock is None
    lives.close()


def test_oldest_gives_way(kept: Connections, connection: Callable[[], Connection]) -> None:
    """Beyond the limit the connection that rested longest is closed."""
    three = [connection() for _ in range(3)]
    for one in three:
        kept.keep(one)
    assert three[0].sock is None
    kept.close()
    assert [one.sock for one in three] == [None, None, None]


def test_old_connection_is_not_trusted(
    kept: Connections, connection: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that rested longer than the network remembers is closed unasked."""
    old = connection()
    kept.keep(old)
    monkeypatch.setattr(connections, "_KEPT_SECONDS", 0.0)
    assert kept.take(HERE) is None
    assert old.sock is None


def test_connection_never_dials(connection: Callable[[], Connection]) -> None:
    """A closed connection refuses to open itself again, past the guard."""
    one = connection()
    one.close()
    with pytest.raises(http.client.NotConnected):
        one.request("POST", "/")
