"""Connections to endpoints: how one is opened, and which are kept for the next POST."""

import http.client
import select
import socket
import ssl
import threading
from time import monotonic
from typing import Never

from shared.adapters.webhook_http.deadlines import Deadline
from shared.adapters.webhook_http.dialer import Dialer
from shared.adapters.webhook_http.targets import Target

# Azure forgets a silent connection after 4 minutes, without telling either side.
# https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-idle-timeout
_KEPT_SECONDS = 50.0


class Connection(http.client.HTTPConnection):
    """An HTTP connection on a socket that the dialer opened, with or without TLS."""

    sock: socket.socket

    def __init__(self, target: Target, connected: socket.socket) -> None:
        super().__init__(target.host, target.port)
        self.sock = connected
        self.origin = target.origin
        self.rested = 0.0

    def connect(self) -> Never:
        """Refuses: what http.client dials by itself, nobody vetted."""
        raise http.client.NotConnected

    def is_old(self) -> bool:
        """Whether it rested for so long that somebody on the way may have forgotten it."""
        return monotonic() - self.rested > _KEPT_SECONDS

    def has_news(self) -> bool:
        """Whether the endpoint said something, or hung up, while nobody asked."""
        waiting = select.poll()
        waiting.register(self.sock, select.POLLIN)
        return bool(waiting.poll(0))


class Connections:
    """
    Opens connections and keeps those that can serve again, the latest *limit* of them.

    A kept one serves the same scheme, host and port only: no POST travels over what another host's name opened.
    """

    def __init__(self, dialer: Dialer, tls: ssl.SSLContext, limit: int) -> None:
        self._dialer = dialer
        self._tls = tls
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: list[Connection] = []

    def open(self, target: Target, deadline: Deadline) -> Connection:
        """Opens a connection; raises Failed, ssl.SSLError, or TimeoutError at the deadline."""
        connected = self._dialer.dial(target.host, target.port, deadline)
        try:
            # A handshake's timeout is its whole duration, unlike a read's.
            # https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.do_handshake
            connected.settimeout(deadline.remaining())
            if target.secure:
                connected = self._tls.wrap_socket(connected, server_hostname=target.host)
            # From here on the deadline cuts; no read may give up earlier, in this POST or in a later one.
            connected.settimeout(None)
        except BaseException:
            connected.close()
            raise
        return Connection(target, connected)

    def take(self, target: Target) -> Connection | None:
        """Hands out a kept connection, the freshest one that still lives."""
        while connection := self._latest(target):
            if not connection.is_old() and not connection.has_news():
                return connection
            connection.close()
        return None

    def keep(self, connection: Connection) -> None:
        """Keeps *connection* for a later POST."""
        connection.rested = monotonic()
        surplus = []
        with self._lock:
            self._kept.append(connection)
            while len(self._kept) > self._limit or self._kept[0].is_old():
                surplus.append(self._kept.pop(0))
        for old in surplus:
            old.close()

    def close(self) -> None:
        """Closes what is kept."""
        with self._lock:
            kept, self._kept = self._kept, []
        for connection in kept:
            connection.close()

    def _latest(self, target: Target) -> Connection | None:
        with self._lock:
            for place in reversed(range(len(self._kept))):
                if self._kept[place].origin == target.origin:
                    return self._kept.pop(place)
        return None
