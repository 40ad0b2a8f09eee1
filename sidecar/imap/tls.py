"""TLS for thousands of connections in one process."""

import asyncio.sslproto
import ssl
from functools import lru_cache

# A line while we listen has some hundred bytes; a mail of a megabyte takes 4 ms more than with four times as much.
_BUFFER = 4 * 1024


@lru_cache(maxsize=1)
def context() -> ssl.SSLContext:
    """Returns the process's one context: each costs 35 ms and 850 KB, nearly all of it for the authorities."""
    shrink_buffers()
    return ssl.create_default_context()


def trusting(authority: str) -> ssl.SSLContext:
    """Returns a context that trusts only the authority in this file, as one machine's own mail server needs."""
    shrink_buffers()
    return ssl.create_default_context(cafile=authority)


def shrink_buffers() -> bool:
    """
    Has asyncio's TLS allocate 4 KiB for a connection instead of 256 KiB; tells whether it could.

    OpenSSL's buffer behind it holds as much as came at once, and keeps that size, so it stays small with it. The
    attribute is asyncio's own business; where it is not there any more, connections merely cost what they cost.
    """
    protocol = asyncio.sslproto.SSLProtocol
    if not isinstance(getattr(protocol, "max_size", None), int):
        return False
    protocol.max_size = min(protocol.max_size, _BUFFER)
    return True
