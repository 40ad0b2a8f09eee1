"""The trigger of the queue `jobs`."""

import json

from shared.domain.accounts import account_key
from tests.functions.client import Client
from tests.functions.outside import Outside


def test_job_is_carried_out(api: Client, account: str, outside: Outside) -> None:
    """A message names a job and an account, and that account's mailbox is opened."""
    probed = len(outside.mailboxes.probed)
    api.run("jobs", message("reconnect", account))
    assert outside.mailboxes.probed[probed:] == [f"{account}@contoso.com"]


def test_job_may_run_twice(api: Client, account: str, outside: Outside) -> None:
    """A job that comes again leaves one subscription, and its account as it was."""
    before = api.get(f"/v1/account/{account}").json()
    for dequeue_count in (1, 2):
        api.run("jobs", message("connect", account), dequeue_count=dequeue_count)
    assert api.get(f"/v1/account/{account}").json() == before
    assert len(outside.subscriptions.of(f"{account}@contoso.com")) == 1


def test_job_of_an_unknown_account_is_done(api: Client) -> None:
    """A job whose account is gone ends without a sound: there is nothing to repeat."""
    api.run("jobs", message("connect", "nobody"))


def message(kind: str, account: str) -> bytes:
    """Return a message of the queue as an earlier version may have written it."""
    return json.dumps({"v": 1, "kind": kind, "account": account_key(account)}).encode()
