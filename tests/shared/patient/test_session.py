"""HTTP with patience: which share of it a request takes, and whom the end of it names."""

from datetime import timedelta
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from shared.domain.errors import TryLater
from shared.patience import left, patience, waste
from shared.patient.session import PatientSession

URL = "https://login.example.com/"


class Silent(HTTPAdapter):
    """Notes how long it would be waited for, and answers nothing, after all of that time."""

    def __init__(self) -> None:
        super().__init__()
        self.timeouts: list[Any] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Time out."""
        self.timeouts.append(options["timeout"])
        waste(options["timeout"][1], "Somebody")
        raise requests.ReadTimeout


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Silent:
    """Return what does not answer; no clock but its own runs."""
    monkeypatch.setattr("shared.patient.session.monotonic", lambda: 0.0)
    return Silent()


@pytest.fixture
def session(silent: Silent) -> PatientSession:
    """Return a session with it."""
    session = PatientSession("Entra ID")
    session.mount("https://", silent)
    return session


def test_without_patience_a_timeout_is_as_given(session: PatientSession, silent: Silent) -> None:
    """Work of a queue waits as long as each client says, and hears of the failure as it was."""
    for given in (30, (5, 20)):
        with pytest.raises(requests.ReadTimeout):
            session.get(URL, timeout=given)
    assert silent.timeouts == [(30, 30), (5, 20)]


def test_each_try_takes_a_share(session: PatientSession, silent: Silent) -> None:
    """A try waits for half of what is left at most, and for a connection half of that; the last names whom it was."""
    with patience(timedelta(seconds=20)):
        for _ in range(3):
            with pytest.raises(requests.ReadTimeout):
                session.get(URL, timeout=30)
        assert left() == 2.5
        with pytest.raises(TryLater, match="Entra ID did not answer in time"):
            session.get(URL, timeout=30)
    assert silent.timeouts == [(5, 10), (2.5, 5), (1.25, 2.5), (0.625, 1.25)]
