"""The public API's client."""

import socket

from local.stack.api import Api


def test_a_host_that_does_not_answer_is_not_up() -> None:
    """Where nobody listens, and where who listens says nothing yet, the host is not up, and no error says so."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        api = Api(f"http://127.0.0.1:{server.getsockname()[1]}", "token")
        assert not api.is_up(patience=0.05)
    assert not api.is_up(patience=0.05)
