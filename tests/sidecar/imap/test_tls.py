"""TLS for thousands of connections."""

import asyncio.sslproto
import ssl

import pytest

from sidecar.imap import tls


def test_one_context_serves_the_process() -> None:
    """The context is made once, and checks names and certificates."""
    context = tls.context()
    assert tls.context() is context
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_connections_need_little_memory() -> None:
    """Asyncio of the Python at hand has the attribute that makes a connection's buffer small."""
    assert tls.shrink_buffers()
    assert asyncio.sslproto.SSLProtocol.max_size == 4 * 1024


def test_other_asyncio_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An asyncio without that attribute works as it is."""
    monkeypatch.delattr(asyncio.sslproto.SSLProtocol, "max_size")
    assert not tls.shrink_buffers()
