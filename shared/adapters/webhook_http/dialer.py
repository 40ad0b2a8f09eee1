"""Opens sockets, to vetted addresses only."""

import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from shared.adapters.webhook_http.address_guard import Network, refusal
from shared.adapters.webhook_http.deadlines import Deadline
from shared.adapters.webhook_http.failures import Failed

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Found = tuple[socket.AddressFamily, socket.SocketKind, int, str, SocketAddress]
Resolve = Callable[[str, int], Sequence[Found]]


def look_up(host: str, port: int) -> Sequence[Found]:
    """Asks the system for the addresses of *host*."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


@dataclass(frozen=True)
class Dialer:
    """
    Connects to a host whose every address may be reached.

    The name is resolved once, and what is connected to is what was vetted: a name that answers differently a second
    time (DNS rebinding) is never asked a second time.
    """

    allowed: Sequence[Network]
    resolve: Resolve
    threads: Executor

    def dial(self, host: str, port: int, deadline: Deadline) -> socket.socket:
        """Returns a connected socket; raises Failed, or TimeoutError at the deadline."""
        found = self._addresses(host, port, deadline)
        # One inner address is enough: a host that has both would choose for us which one we reach.
        if any(refusal(str(address[0]), self.allowed) for *_, address in found):
            raise Failed("address_not_allowed")
        for number, candidate in enumerate(found):
            # What is left is shared among the addresses left, so that one that swallows packets does not take it all.
            patience = deadline.remaining() / (len(found) - number)
            connected = _connect(candidate, patience)
            if connected is not None:
                return connected
        deadline.remaining()
        raise Failed("connect_failed")

    def _addresses(self, host: str, port: int, deadline: Deadline) -> Sequence[Found]:
        # A lookup cannot be interrupted, so it runs where we need not wait for it.
        lookup = self.threads.submit(self.resolve, host, port)
        try:
            found = lookup.result(timeout=deadline.remaining())
        except (socket.gaierror, UnicodeError) as error:
            raise Failed("dns_failed") from error
        finally:
            lookup.cancel()
        if not found:
            raise Failed("dns_failed")
        return found


def _connect(candidate: Found, patience: float) -> socket.socket | None:
    family, kind, protocol, _, address = candidate
    try:
        connected = socket.socket(family, kind, protocol)
    except OSError:
        # The machine has no such family, most often no IPv6.
        return None
    try:
        connected.settimeout(patience)
        connected.connect(address)
        # Head and body go out as two writes; the second must not wait for the first one's acknowledgement.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = connected.getpeername()[0]
    except OSError:
        connected.close()
        return None
    if peer != address[0]:
        connected.close()
        raise Failed("address_not_allowed")
    return connected
