"""Ports on loopback."""

import socket

import pytest

from local.stack import ports
from local.stack.errors import StackRefused


def test_taken_port_is_named_with_the_mend() -> None:
    """A taken port is named in a sentence that says whose it is and what would mend it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackRefused) as refusal:
            ports.demand(port, "the function app", "choose another one")
    assert str(refusal.value) == (
        f"Port {port}, which the function app needs, is taken: stop what listens there, or choose another one."
    )
    ports.demand(port, "the function app", "choose another one")


def test_a_port_is_given_once() -> None:
    """A free port is kept for who asked, though nobody listens on it yet, and is none that outgoing connections get."""
    given = [ports.free() for _ in range(100)]
    assert len(set(given)) == 100
    assert max(given) < 32_768
    mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with mark, pytest.raises(OSError, match="in use"):
        mark.bind((ports.HOST, given[0]))
    assert ports.is_free(given[0])
