"""How an exception becomes a code."""

import http.client
import re
import socket
import ssl

import pytest

from shared.adapters.webhook_http import failures


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (failures.Failed("insecure_url"), "insecure_url"),
        (TimeoutError(), "timeout"),
        (socket.gaierror(), "dns_failed"),
        (ssl.SSLCertVerificationError(), "tls_failed"),
        (http.client.RemoteDisconnected(""), "connection_reset"),
        (BrokenPipeError(), "connection_reset"),
        (http.client.BadStatusLine("x"), "bad_response"),
        (KeyError(), None),
    ],
)
def test_exception_has_a_code(error: Exception, code: str | None) -> None:
    """Each kind of failure has its code, and a defect has none."""
    assert failures.decipher(error) == code


def test_every_code_is_in_the_table() -> None:
    """The table names every code that an exception is turned into."""
    assert failures.__doc__
    table = set(re.findall(r"^\| `(\w+)`", failures.__doc__, re.MULTILINE))
    assert {code for _, code in failures._CODES} <= table
