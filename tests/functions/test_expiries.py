"""The expiries: a timer of the night."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.due import DueKind
from shared.services.relay import Relay
from tests.fakes.clock import START
from tests.functions.bodies import an_app
from tests.functions.client import Client

HOUR = timedelta(hours=1)


@pytest.fixture
def timer(app_functions: list[Any]) -> Any:
    """Return the function that the host fires."""
    return next(each for each in app_functions if each.get_function_name() == "expiries")


def test_it_fires_every_night(timer: Any) -> None:
    """The schedule is 3:40 every night, watched so that a missed one is made good, and never at a start."""
    declared = timer.get_trigger().get_dict_repr()
    assert (declared["schedule"], declared["useMonitor"], declared["runOnStartup"]) == ("0 40 3 * * *", True, False)


def test_lost_notice_comes_back(api: Client, relay: Relay, timer: Any) -> None:
    """A notice whose entry in the due index was lost is in it again afterwards."""
    expires = START + timedelta(days=90)
    app = api.post("/v1/oauth2", an_app(clientSecretExpires=expires.isoformat())).json()["id"]
    hour = (expires - timedelta(days=30)).replace(minute=0)

    def held() -> list[Any]:
        found = relay.timers.due.within(hour, hour + HOUR - timedelta(microseconds=1), 1000)
        return [entry for entry in found if entry.kind is DueKind.EXPIRY and entry.subject == app]

    assert len(held()) == 1
    relay.timers.due.remove(held())
    assert held() == []
    timer.get_user_function()(None)
    assert len(held()) == 1
