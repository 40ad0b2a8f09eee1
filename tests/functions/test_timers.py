"""The timer: what is due becomes jobs."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import account_key
from shared.domain.due import Due, DueKind
from shared.services.relay import Relay
from tests.fakes.clock import START
from tests.functions.client import Client
from tests.functions.outside import Outside


@pytest.fixture
def timer(app_functions: list[Any]) -> Any:
    """Return the function that the host fires."""
    return next(each for each in app_functions if each.get_function_name() == "timers")


def test_it_fires_every_five_minutes(timer: Any) -> None:
    """The schedule is every 5 minutes, watched so that a missed one is made good, and never at a start."""
    declared = timer.get_trigger().get_dict_repr()
    assert (declared["schedule"], declared["useMonitor"], declared["runOnStartup"]) == ("0 */5 * * * *", True, False)


@pytest.mark.usefixtures("unhurried")
def test_tick_takes_what_is_due(api: Client, relay: Relay, timer: Any, account: str, outside: Outside) -> None:
    """What is due leaves the index, what is not stays, and the health check tells how long ago that was."""
    key = account_key(account)
    due = Due(kind=DueKind.SWEEP, subject=key, at=START - timedelta(seconds=1))
    later = Due(kind=DueKind.RENEW, subject=key, at=START + timedelta(seconds=30))
    for entry in (due, later):
        relay.timers.due.put(entry)
    timer.get_user_function()(None)
    left = relay.timers.due.within(START - timedelta(hours=1), START + timedelta(minutes=1), 1000)
    assert [entry.kind for entry in left if entry.subject == key] == [DueKind.RENEW]
    relay.timers.due.remove([later])
    outside.clock.advance(timedelta(seconds=30))
    told = api.get("/health").json()["lastTick"]
    outside.clock.advance(timedelta(seconds=-30))
    assert told == 30
