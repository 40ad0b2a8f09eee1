"""Ports on loopback: which are free, and what to say when one is not."""

import socket

from local.stack.errors import StackRefused

HOST = "127.0.0.1"


def free() -> int:
    """Returns a port that nobody listens on now."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def is_free(port: int) -> bool:
    """Tells whether nobody listens on *port*."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def demand(port: int, whose: str, mend: str) -> None:
    """Raises StackRefused where somebody listens on *port* already."""
    if not is_free(port):
        raise StackRefused(f"Port {port}, which {whose} needs, is taken: stop what listens there, or {mend}.")


def answers(port: int) -> bool:
    """Tells whether somebody takes connections on *port*."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
