"""The purge: a timer of the night."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.sightings import Sighting, SightingKey
from shared.services.relay import Relay
from tests.fakes.clock import START
from tests.functions.client import Client


@pytest.fixture
def timer(app_functions: list[Any]) -> Any:
    """Return the function that the host fires."""
    return next(each for each in app_functions if each.get_function_name() == "purge")


def test_it_fires_every_night(timer: Any) -> None:
    """The schedule is 3:30 every night, watched so that a missed one is made good, and never at a start."""
    declared = timer.get_trigger().get_dict_repr()
    assert (declared["schedule"], declared["useMonitor"], declared["runOnStartup"]) == ("0 30 3 * * *", True, False)


def test_old_months_go(api: Client, relay: Relay, timer: Any) -> None:
    """What is older than RETENTION_DAYS and a month is gone afterwards, and what is younger is there."""
    old, young = (
        SightingKey(day=(START - timedelta(days=ago)).strftime("%Y%m%d"), name="purged-or-not") for ago in (80, 40)
    )
    seen = Sighting(folder="inbox", flags=(), labels=())
    relay.changes.meanings.sightings.put({old: seen, young: seen})
    timer.get_user_function()(None)
    assert relay.changes.meanings.sightings.get(old) is None
    assert relay.changes.meanings.sightings.get(young) == seen
