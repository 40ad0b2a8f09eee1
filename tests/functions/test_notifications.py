"""What Graph posts: the handshake, notifications and lifecycle notifications."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared import bootstrap
from shared.domain.accounts import account_key
from shared.domain.changes import ChangeBatch
from shared.domain.client_state import ClientStates
from shared.domain.errors import TryLater
from shared.domain.jobs import Job
from shared.services.notifications import gather
from shared.settings import Settings
from tests.functions.client import Client
from tests.functions.outside import FIRST_TOKEN, Outside

NOTIFICATION = "/oauth/msg/notification"
LIFECYCLE = "/oauth/msg/lifecycle"
BOTH = pytest.mark.parametrize("path", [NOTIFICATION, LIFECYCLE])
HEAVY = ("msal", "azure.identity", "azure.keyvault", "azure.data.tables")
TOKENS = {
    "Validation%3a+Testing+client+application": "Validation: Testing client application",
    "a%2Bb%20c": "a+b c",
    "%2541%252B": "%41%2B",
    "%C3%BC%22%26amp;": 'ü"&amp;',
    "t" * 4096: "t" * 4096,
}


class BusyQueue:
    """A queue of changes and jobs that takes nothing."""

    def put(self, what: ChangeBatch | Job, delay: timedelta = timedelta()) -> None:
        """Refuse it."""
        raise TryLater("The queue is busy.", timedelta(seconds=7))


@pytest.fixture
def client_state(app_settings: Settings) -> str:
    """Return a client state of ours."""
    return ClientStates(app_settings.client_state_key_map).make(account_key("anna"))


@pytest.fixture(autouse=True)
def _empty_queues(api: Client) -> Iterator[None]:
    """Start with empty queues, and leave none of these notifications to others."""
    drain(api)
    yield
    drain(api)


@BOTH
@pytest.mark.parametrize(("sent", "token"), TOKENS.items(), ids=range(len(TOKENS)))
def test_handshake_echoes_the_token(api: Client, path: str, sent: str, token: str) -> None:
    """The validation token comes back decoded exactly once, as plain text that no browser takes for a page."""
    answer = api.call("POST", f"{path}?validationToken={sent}", token=None)
    assert (answer.status, answer.body.decode()) == (200, token)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@BOTH
@pytest.mark.parametrize("token", ["%3Cscript%3E", "t" * 4097], ids=["markup", "too long"])
def test_token_that_graph_never_sends_is_refused(api: Client, path: str, token: str) -> None:
    """A token with markup, or one that is too long, is 400 and not echoed."""
    answer = api.call("POST", f"{path}?validationToken={token}", token=None)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/json")
    assert b"<" not in answer.body


def test_notification_is_accepted(api: Client, client_state: str) -> None:
    """A notification is 202 with an empty body and lies on the queue as a change, a repeated one once."""
    batch = envelope(note(client_state, "m1"), note(client_state, "m1"), note(client_state, "m2", change="deleted"))
    answer = api.call("POST", NOTIFICATION, batch, token=None)
    assert (answer.status, answer.body) == (202, b"")
    assert queued(api) == [("created", "m1"), ("deleted", "m2")]


@pytest.mark.parametrize(
    "item",
    [
        {"clientState": "wrong"},
        {"clientState": None},
        {"clientState": {"a": 1}},
        {"clientState": "1.k1.x.AAAA"},
        {"changeType": "moved"},
        {"resourceData": None},
        {"resourceData": {"id": 7}},
    ],
    ids=str,
)
def test_item_that_is_not_ours_is_skipped(api: Client, client_state: str, item: dict[str, object]) -> None:
    """A forged or unknown item queues nothing, is no reason to refuse the others, and the answer is still 202."""
    answer = api.call("POST", NOTIFICATION, envelope({**note(client_state, "m1"), **item}, None, 7), token=None)
    assert (answer.status, queued(api)) == (202, [])
    both = envelope({**note(client_state, "m1"), **item}, note(client_state, "m2"))
    assert api.call("POST", NOTIFICATION, both, token=None).status == 202
    assert queued(api) == [("created", "m2")]


@BOTH
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"value": {}}', b"\xff", b"[" * 100_000], ids=range(7))
def test_what_is_no_envelope_is_refused(api: Client, path: str, body: bytes) -> None:
    """Anything but an object with an array `value` is 400."""
    answer = api.call("POST", path, body, token=None)
    assert (answer.status, answer.json()["error"]) == (400, "Bad Request")


def test_large_batch_is_accepted(api: Client, client_state: str, outside: Outside) -> None:
    """A body of several megabytes is 202, and every item of it lies on the queue."""
    filler = {"resource": "Users/anna/Messages/" + "x" * 4000}
    batch = envelope(*({**note(client_state, f"m{number}"), **filler} for number in range(1000)))
    assert api.call("POST", NOTIFICATION, batch, token=None).status == 202
    assert len(json.dumps(batch)) > 4_000_000
    assert sorted(queued(api)) == sorted(("created", f"m{number}") for number in range(1000))


@BOTH
def test_busy_queue_makes_graph_come_again(
    api: Client, ingress: bootstrap.Ingress, monkeypatch: pytest.MonkeyPatch, client_state: str, path: str
) -> None:
    """Where nothing could be stored the answer is 503 with Retry-After, so that Graph sends it again."""
    busy = replace(ingress.notifications, changes=gather(BusyQueue()), jobs=BusyQueue())
    monkeypatch.setattr(bootstrap, "ingress", lambda: replace(ingress, notifications=busy))
    answer = api.call("POST", path, envelope({**note(client_state, "m1"), "lifecycleEvent": "missed"}), token=None)
    assert (answer.status, answer.json()["code"], answer.headers["Retry-After"]) == (503, "TryLater", "7")


@pytest.mark.parametrize(
    ("event", "kind"),
    [("reauthorizationRequired", "reauthorize"), ("subscriptionRemoved", "recreate"), ("missed", "catchUp")],
)
def test_lifecycle_notification_becomes_a_job(api: Client, client_state: str, event: str, kind: str) -> None:
    """A lifecycle notification is 202 with an empty body and lies on the queue as one job, repeated or not."""
    told = {"subscriptionId": "s1", "lifecycleEvent": event, "clientState": client_state}
    batch = envelope(told, told, {**told, "clientState": "forged"}, {**told, "lifecycleEvent": "party"})
    answer = api.call("POST", LIFECYCLE, batch, token=None)
    assert (answer.status, answer.body) == (202, b"")
    (job,) = api.drain("jobs")
    assert (job["kind"], job["account"], job["subscription"]) == (kind, account_key("anna"), "s1")


def test_path_of_a_notification_is_light(azurite: str, client_state: str, root: Path, tmp_path: Path) -> None:
    """A process that starts and answers a notification loads no library that signs in, opens a vault or a table."""
    program = f"""
import asyncio, dataclasses, datetime, sys
import azure.functions as func
import function_app
from shared import bootstrap
ingress, long = bootstrap.ingress(), datetime.timedelta(minutes=2)
# On a slow machine a queue answers late, which would be refused; that is no matter here.
patient = dataclasses.replace(ingress, notifications=dataclasses.replace(ingress.notifications, prompt=long))
bootstrap.ingress = lambda: patient
functions = {{each.get_function_name(): each.get_user_function() for each in function_app.app.get_functions()}}
body = sys.stdin.buffer.read()
request = func.HttpRequest("POST", "https://relay.example.com{NOTIFICATION}", headers={{}}, params={{}}, body=body)
answer = asyncio.run(functions["notifications"](request))
print(answer.status_code, [name for name in {HEAVY!r} if name in sys.modules])
"""
    environment = {
        "AzureWebJobsStorage": azurite,
        "VAULT_FILE": str(tmp_path / "secrets"),
        "CLIENT_STATE_KEYS": "k1:" + "a2tr" * 10 + "a2s=",
        "API_TOKEN": FIRST_TOKEN,
    }
    ran = subprocess.run(  # noqa: S603  the program stands above
        [sys.executable, "-c", program],
        input=json.dumps(envelope(note(client_state, "m1"))).encode(),
        cwd=root,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert ran.stdout.decode().strip() == "202 []", ran.stderr.decode()


def note(client_state: str, message: str, *, change: str = "created") -> dict[str, object]:
    """Return one notification as Graph sends it."""
    return {
        "subscriptionId": "s1",
        "subscriptionExpirationDateTime": "2026-03-09T09:30:00Z",
        "changeType": change,
        "resource": f"Users/anna/Messages/{message}",
        "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": message},
        "clientState": client_state,
        "tenantId": "f8cdef31-a31e-4b4a-93e4-5f571e91255a",
    }


def envelope(*items: object) -> dict[str, object]:
    """Return the body that carries *items*."""
    return {"value": list(items)}


def queued(api: Client) -> list[tuple[str, str]]:
    """Take the changes from the queue; return the kind and the message of each."""
    return [(change["kind"], change["message"]) for batch in api.drain("changes") for change in batch["changes"]]


def drain(api: Client) -> None:
    """Take everything from the queues."""
    api.drain("changes")
    api.drain("jobs")
