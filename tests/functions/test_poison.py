"""`/v1/poison`: what the host gave up, and its timer."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.client import Client


@pytest.fixture
def timer(app_functions: list[Any]) -> Any:
    """Return the function that the host fires."""
    return next(each for each in app_functions if each.get_function_name() == "poison")


def test_it_fires_every_quarter(timer: Any) -> None:
    """The schedule is every 15 minutes, watched so that a missed one is made good, and never at a start."""
    declared = timer.get_trigger().get_dict_repr()
    assert (declared["schedule"], declared["useMonitor"], declared["runOnStartup"]) == ("0 */15 * * * *", True, False)


def test_poison_is_listed_requeued_and_dismissed(api: Client, timer: Any, unique: Callable[[str], str]) -> None:
    """What was given up is listed after the tick; requeued, it is on its queue and marked; dismissed, it is gone."""
    job = {"v": 1, "kind": "connect", "account": unique("nobody")}
    api._queue("jobs-poison").send_message(b64encode(json.dumps(job).encode()).decode())
    timer.get_user_function()(None)
    answer = api.get("/v1/poison", pageSize=250)
    (row,) = [row for row in answer.json()["poison"] if job["account"] in row["body"]]
    assert (answer.status, row["queue"], json.loads(row["body"]), row["requeued"]) == (200, "jobs", job, None)
    answer = api.post(f"/v1/poison/{row['id']}/requeue", {})
    assert (answer.status, answer.json()["requeued"]) == (200, "2026-03-02T09:30:00.000Z")
    assert [each for each in api.drain("jobs") if each["account"] == job["account"]] == [job]
    answer = api.call("DELETE", f"/v1/poison/{row['id']}")
    assert (answer.status, answer.json()) == (200, {"id": row["id"], "deleted": True})
    assert api.call("DELETE", f"/v1/poison/{row['id']}").status == 404


@pytest.mark.parametrize("name", ["1_nothing", "nothing", "%20"])
def test_what_is_not_kept_is_not_found(api: Client, name: str) -> None:
    """An id that nothing is kept under is 404."""
    assert api.post(f"/v1/poison/{name}/requeue", {}).status == 404
    assert api.call("DELETE", f"/v1/poison/{name}").status == 404


def test_only_administrators_see_poison(api: Client, account: str) -> None:
    """A token that is bound to an account, or to permissions, sees none of it."""
    body = {"account": account, "description": "CRM", "scopes": ["api"]}
    value = api.post("/v1/tokens", body).json()["token"]
    assert api.call("GET", "/v1/poison", token=value).status == 403
    assert api.call("POST", "/v1/poison/1_x/requeue", {}, token=value).status == 403
    assert api.call("DELETE", "/v1/poison/1_x", token=value).status == 403
