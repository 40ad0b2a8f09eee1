"""The API's client waits for a host that is not up yet."""

import socket

import pytest

from local.stack import api, ports
from local.stack.api import Api


def test_a_host_that_does_not_answer_is_not_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens, or who listens is not ready to answer, nothing is up, and nothing breaks."""
    monkeypatch.setattr(api, "_GLANCE_SECONDS", 0.05)
    assert not Api(f"http://{ports.HOST}:{ports.free()}", "token").is_up()
    with socket.create_server((ports.HOST, 0)) as server:
        assert not Api(f"http://{ports.HOST}:{server.getsockname()[1]}", "token").is_up()
