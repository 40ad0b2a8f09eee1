"""
Why a POST brought no status: the codes that stand in attempts, for good, and how an exception becomes one.

| code                  | what happened                                                                  |
|-----------------------|--------------------------------------------------------------------------------|
| `timeout`             | no status came before the deadline: name, connection, TLS and headers together |
| `dns_failed`          | the host's name has no address                                                 |
| `connect_failed`      | no address of the host takes the connection                                    |
| `connection_reset`    | the endpoint hung up before it answered                                        |
| `tls_failed`          | no TLS, or a certificate that does not vouch for the host                      |
| `address_not_allowed` | the host has an address that customers' webhooks must not reach                |
| `insecure_url`        | `http://` where only `https://` is allowed                                     |
| `invalid_url`         | no URL that could be posted to, or a port that is not allowed                  |
| `invalid_header`      | a header that HTTP cannot carry                                                |
| `bad_response`        | the answer is not HTTP                                                         |
| `busy`                | not attempted: too many POSTs of this lane, or altogether, are in flight       |
| `internal_error`      | a defect of ours; the log names the kind of exception                          |
"""

import http.client
import socket
import ssl


class Failed(Exception):
    """The POST ended without a status; `code` stands in the table above."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


# The first kind that fits decides, so the narrow ones stand first: nearly all of them are an OSError too.
_CODES: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "timeout"),
    (socket.gaierror, "dns_failed"),
    (ssl.SSLError, "tls_failed"),
    (OSError, "connection_reset"),
    (http.client.HTTPException, "bad_response"),
)


def decipher(error: Exception) -> str | None:
    """Returns the code of what ended an exchange, or None for what should not happen."""
    if isinstance(error, Failed):
        return error.code
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)
