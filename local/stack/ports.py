"""Ports on loopback: which are free, and what to say when one is not."""

import random
import socket

from local.stack.errors import StackRefused

HOST = "127.0.0.1"

# Systems give outgoing connections higher ones: Linux from 32768 on, others from 49152 on.
# https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html
_LISTENED_ON = range(15_000, 32_000)
_TRIES = 200
_marks: list[socket.socket] = []


def free() -> int:
    """
    Returns a port that nobody listens on, and keeps it for the caller while this process lives.

    Between here and the start of a server seconds pass, and a server that is killed leaves its port for a while. So the
    UDP port of the same number is taken as a mark, which makes whoever else looks for a port here pass it over.
    """
    for port in random.sample(_LISTENED_ON, _TRIES):
        if _marked(port) and is_free(port):
            return port
    raise StackRefused(f"There is no free port on {HOST} between {_LISTENED_ON.start} and {_LISTENED_ON.stop}.")


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


def _marked(port: int) -> bool:
    mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        mark.bind((HOST, port))
    except OSError:
        mark.close()
        return False
    _marks.append(mark)
    return True
