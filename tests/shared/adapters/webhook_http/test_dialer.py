"""Which addresses of a host are connected to."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import ip_network

import pytest

from shared.adapters.webhook_http.deadlines import Deadline, Watchdog
from shared.adapters.webhook_http.dialer import Dialer, Found
from shared.adapters.webhook_http.failures import Failed

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]


@pytest.fixture
def deadline() -> Iterator[Deadline]:
    """Return a deadline that is far away."""
    watchdog = Watchdog(timedelta(minutes=1))
    with watchdog.deadline() as started:
        yield started
    watchdog.close()


@pytest.fixture
def dialer() -> Iterator[Callable[..., Dialer]]:
    """Return a maker of dialers to whom every name has the given addresses."""
    with ThreadPoolExecutor(1) as threads:
        yield lambda *addresses, allowed=(): Dialer(
            allowed, lambda _, port: [found(address, port) for address in addresses], threads
        )


def found(address: str, port: int) -> Found:
    """Return *address* as the system's resolver does."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, "", (address, port))


def test_one_inner_address_condemns_the_host(dialer: Callable[..., Dialer], deadline: Deadline) -> None:
    """A host with a public and a private address is refused."""
    with pytest.raises(Failed, match="address_not_allowed"):
        dialer("203.0.113.1", "8.8.8.8", "127.0.0.1").dial("a.example", 443, deadline)


def test_next_address_is_tried(dialer: Callable[..., Dialer], deadline: Deadline) -> None:
    """Where an address takes no connection, the next one may."""
    with socket.create_server(("127.0.0.3", 0)) as server:
        port = server.getsockname()[1]
        with dialer("127.0.0.2", "127.0.0.3", allowed=LOOPBACK).dial("a.example", port, deadline) as connected:
            assert connected.getpeername() == ("127.0.0.3", port)


def test_nobody_listens(dialer: Callable[..., Dialer], deadline: Deadline) -> None:
    """Where no address takes the connection, that is what the outcome says."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.3", 0))
        port = taken.getsockname()[1]
        with pytest.raises(Failed, match="connect_failed"):
            dialer("127.0.0.2", "127.0.0.3", allowed=LOOPBACK).dial("a.example", port, deadline)


def test_name_without_address(dialer: Callable[..., Dialer], deadline: Deadline) -> None:
    """A name with no address at all is no name."""
    with pytest.raises(Failed, match="dns_failed"):
        dialer().dial("a.example", 443, deadline)
