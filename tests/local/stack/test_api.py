"""The client of the public API that the stack uses."""

from typing import Any

import pytest
import requests

from local.stack.api import Api


@pytest.mark.parametrize("problem", [requests.ConnectionError, requests.ReadTimeout])
def test_a_host_that_says_nothing_is_not_up(monkeypatch: pytest.MonkeyPatch, problem: type[Exception]) -> None:
    """A host that does not listen yet, or listens and does not answer in time, is one that is waited for."""

    def silent(*_: Any, **__: Any) -> requests.Response:
        raise problem

    monkeypatch.setattr(requests.Session, "get", silent)
    assert not Api("http://127.0.0.1:1", "token").is_up()
