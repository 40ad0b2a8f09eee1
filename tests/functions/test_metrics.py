"""`GET /metrics` as a scraper sees it, and the timer behind the alerts."""

from typing import Any

import pytest

from shared.domain.metrics import METRICS
from shared.domain.tallies import Role, Tally
from shared.services.relay import Relay
from tests.fakes.clock import START
from tests.functions.client import Client
from tests.functions.outside import Outside
from tests.shared.domain.test_exposition import parsed


@pytest.fixture
def timer(app_functions: list[Any]) -> Any:
    """Return the function that the host fires."""
    return next(each for each in app_functions if each.get_function_name() == "measure")


def test_it_fires_between_the_ticks(timer: Any) -> None:
    """The schedule is every 5 minutes, two after the tick, watched so that a missed one is made good."""
    declared = timer.get_trigger().get_dict_repr()
    assert (declared["schedule"], declared["useMonitor"], declared["runOnStartup"]) == ("0 2-59/5 * * * *", True, False)


def test_a_token_of_metrics_reads_metrics_and_nothing_else(api: Client) -> None:
    """A token for metrics needs no permissions, reads the text that Prometheus reads, and opens no other route."""
    made = api.post("/v1/tokens", {"description": "Prometheus", "scopes": ["metrics"]})
    assert made.status == 200
    token = made.json()["token"]
    answer = api.call("GET", "/metrics", token=token)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    told = parsed(answer.body.decode())
    assert {name.partition("{")[0] for name in told} >= {"queue_size", "webhook_req_count", "relay365_sweeps_total"}
    assert api.call("GET", "/v1/accounts", token=token).status == 403


def test_others_do_not_read_metrics(api: Client, account: str) -> None:
    """Without a token the answer is 401; a token of the API or of one account is refused."""
    assert api.call("GET", "/metrics", token=None).status == 401
    narrow = {"actions": ["read"], "groups": ["account"]}
    for body in (
        {"description": "CRM", "permissions": narrow},
        {"description": "CRM", "permissions": narrow, "scopes": ["api", "metrics"]},
        {"description": "Anna", "account": account, "scopes": ["api", "metrics"]},
    ):
        token = api.post("/v1/tokens", body).json()["token"]
        assert api.call("GET", "/metrics", token=token).status == 403


def test_the_first_token_reads_metrics(api: Client) -> None:
    """The deployment's own token reads metrics too; the text names no metric that is not on the list."""
    answer = api.get("/metrics")
    assert answer.status == 200
    families = {line.split(" ")[2] for line in answer.body.decode().splitlines() if line.startswith("# TYPE")}
    assert families <= {metric.name for metric in METRICS}


def test_the_timer_measures(api: Client, relay: Relay, timer: Any, account: str, outside: Outside) -> None:
    """The timer counts accounts on real storage, adds up what processes wrote, and writes the line."""
    ledger = relay.metrics._ledger
    ledger.write(
        Tally(process="p", role=Role.APP, updated=START, sums={"relay365_subscriptions_total silent": 2}), None
    )
    timer.get_user_function()(None)
    line = outside.log.named("backlog.measured")[-1]
    assert line["subscription_losses"] == 2
    assert isinstance(line["accounts"], int)
    assert line["accounts"] > 0
