"""The internal API as it is spoken: who is let in, what is refused, and what a mail server's refusals become."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.imap_faults import Fault
from shared.domain.accounts import Account
from tests.fakes.mail_server import MailServer, mail
from tests.fakes.sidecar_process import KEY, NEXT_KEY, SidecarProcess, proxied, running


@pytest.fixture(scope="module")
def sidecar(mail_server: MailServer) -> Iterator[SidecarProcess]:
    """Return a sidecar that runs."""
    with running(mail_server) as process:
        yield process


def post(sidecar: SidecarProcess, call: str, body: Any, *, key: str | None = KEY) -> tuple[int, dict[str, Any]]:
    """Make a call; return the status and the answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
    response = requests.post(f"{sidecar.url}/v1/{call}", data=data, headers=headers, timeout=60)
    assert response.headers["Content-Type"] == "application/json"
    return response.status_code, response.json()


def named(account: Account, **fields: Any) -> dict[str, Any]:
    """Return a request in the name of the account."""
    return {"account": account.key, "incarnation": account.incarnation, **fields}


@pytest.mark.parametrize("key", [None, "", "x" * 32, KEY + "k", KEY[:-1], "k" * 31 + "K"])
@pytest.mark.parametrize("call", ["read", "messages", "folders", "flag", "move", "delete", "append", "send"])
def test_a_key_is_needed(sidecar: SidecarProcess, call: str, key: str | None) -> None:
    """Without the key nothing is told, not even whether a request is well formed."""
    status, told = post(sidecar, call, b"not JSON", key=key)
    assert (status, told["code"]) == (401, "Unauthorized")


def test_each_key_is_good_while_it_changes(sidecar: SidecarProcess) -> None:
    """Where the sidecar has two keys, either opens."""
    assert [post(sidecar, "read", b"not JSON", key=key)[0] for key in (KEY, NEXT_KEY)] == [400, 400]


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("read", b"not JSON"),
        ("read", b"\xff"),
        ("read", {"requests": []}),
        ("read", {"requests": [{"account": "a", "incarnation": "1"}]}),
        ("read", {"requests": [{"account": "a", "incarnation": "1", "message": "m", "complete": 1, "textBytes": 0}]}),
        ("folders", {"account": "a"}),
        ("messages", {"account": "a", "incarnation": "1", "folder": "INBOX", "limit": 101}),
        ("messages", {"account": "a", "incarnation": "1", "folder": "INBOX", "limit": 1, "page": "1 OR 1"}),
        ("flag", {"account": "a", "incarnation": "1", "message": "m", "add": ["\\Seen) BODY[]"]}),
        ("move", {"account": "a", "incarnation": "1", "message": "m", "folder": "x\r\nA1 LOGOUT"}),
        ("append", {"account": "a", "incarnation": "1", "folder": "INBOX", "content": ""}),
        ("append", {"account": "a", "incarnation": "1", "folder": "INBOX", "content": "!"}),
        ("send", {"account": "a", "incarnation": "1", "sender": "a@b", "recipients": [], "content": "eA=="}),
        ("send", {"account": "a", "incarnation": "1", "sender": "a@b>\r\nX", "recipients": ["a@b"], "content": "eA=="}),
    ],
)
def test_what_cannot_be_right_is_refused(sidecar: SidecarProcess, call: str, body: Any) -> None:
    """A request that cannot be right is refused with the places where it is wrong, and nothing of its content."""
    status, told = post(sidecar, call, body)
    assert (status, told["kind"]) == (400, "InvalidRequest")
    assert told["message"].startswith("Cannot be right: ")
    assert "LOGOUT" not in told["message"]


def test_a_request_has_a_size(sidecar: SidecarProcess) -> None:
    """A request that is too large is refused, whether it says so beforehand or not."""
    large = b" " * (257 * 1024)
    assert post(sidecar, "move", large)[0] == 413

    def pieces() -> Iterator[bytes]:
        yield from (large[start : start + 65536] for start in range(0, len(large), 65536))

    response = requests.post(
        f"{sidecar.url}/v1/move", data=pieces(), headers={"Authorization": f"Bearer {KEY}"}, timeout=60
    )
    assert response.status_code == 413


def test_a_registration_of_the_past_opens_nothing(sidecar: SidecarProcess) -> None:
    """An account that is not there, or was registered again since, or has no grant, opens no mailbox."""
    account = sidecar.account()
    assert post(sidecar, "folders", {"account": "nobody", "incarnation": "1"})[0] == 404
    assert post(sidecar, "folders", {"account": account.key, "incarnation": "former"})[0] == 404
    assert post(sidecar, "folders", named(account))[0] == 200


def test_long_mail_arrives_whole(sidecar: SidecarProcess) -> None:
    """A message of some megabytes is added, and read with as much of its text as is asked for."""
    account = sidecar.account()
    raw = mail(body="tere\r\n" * 500_000)
    status, added = post(sidecar, "append", named(account, folder="INBOX", content=urlsafe_b64encode(raw).decode()))
    assert status == 200
    read = {"message": added["message"], "complete": True, "textBytes": 600}
    _, told = post(sidecar, "read", {"requests": [named(account, **read)]})
    message = told["readings"][0]["message"]
    assert (message["size"], message["body"]["whole"]) == (len(raw), 3_000_002)
    assert message["body"]["content"] == "tere\r\n" * 100


@pytest.mark.parametrize(
    ("fault", "expected", "mend"),
    [
        (Fault.REFUSE_SIGN_IN, (403, "SignInRefused", "SignInRefused", None), "signs in again"),
        (Fault.NOT_CONNECTED, (503, "TryLater", "MailboxNotConnected", None), "FullAccess"),
        (Fault.THROTTLE, (503, "TryLater", "Throttled", 89.117), "less traffic"),
        (Fault.TOO_MANY, (503, "TryLater", "TooManyConnections", None), "Close other"),
    ],
)
def test_refusals_say_what_to_do(
    mail_server: MailServer, fault: Fault, expected: tuple[int, str, str, float | None], mend: str
) -> None:
    """What Exchange refuses keeps its code, its wait and its mend; once it is mended, the mailbox opens."""
    with proxied(mail_server) as faults, running(mail_server, port=faults.port) as sidecar:
        account = sidecar.account()
        faults.strike(account.user, fault)
        said, told = post(sidecar, "folders", named(account))
        assert (said, told["kind"], told["code"], told.get("retryAfter")) == expected
        assert mend in told["mend"]
        reading = named(account, message="A" * 22, complete=True, textBytes=1000)
        _, read = post(sidecar, "read", {"requests": [reading]})
        assert read["readings"][0]["error"]["code"] == expected[2]
        faults.heal(account.user)
        assert post(sidecar, "folders", named(account))[0] == 200
