"""Accounts: their keys, their states, and what the API shows."""

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.domain.accounts import (
    TRANSITIONS,
    Account,
    AccountId,
    AccountQuery,
    AccountState,
    LastError,
    Subscription,
    account_key,
    list_entry,
    view,
)
from tests.factories import APP, an_account
from tests.fakes.clock import START

LISTED = set(AccountState) - {AccountState.DELETED}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256)


@given(TEXT, TEXT)
def test_a_key_fits_everywhere(one: str, other: str) -> None:
    """A key is 26 characters of [a-z2-7] for any account id, always the same, and another for another id."""
    assert re.fullmatch(r"[a-z2-7]{26}", account_key(one))
    assert (account_key(one) == account_key(other)) == (one == other)


@pytest.mark.parametrize(
    "name",
    [
        "\U0001f469\u200d\U0001f680",
        "\u2764\ufe0f\u200d\U0001f525",
        "\u0645\u06cc\u200c\u0634\u0648\u062f",
        "\u0915\u094d\u200d\u0937",
    ],
    ids=["emoji", "emoji with a variant", "Persian", "Hindi"],
)
def test_an_id_may_join_what_is_seen(name: str) -> None:
    """A joiner between two characters that one sees belongs to an id as its letters do."""
    assert TypeAdapter(AccountId).validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "\u200danna",
        "anna\u200c",
        "a\u200d\u200cb",
        "a \u200db",
        "a\u200d\u202eb",
        "an\u200bna",
        "a\u2028b",
        "\u200d",
        "an\u200dna",
    ],
    ids=[
        "first",
        "last",
        "two",
        "at a space",
        "at what turns the text",
        "no joiner",
        "a line's end",
        "alone",
        "in ASCII",
    ],
)
def test_an_id_hides_nothing(name: str) -> None:
    """What nobody sees in an id, or what turns its text around, is refused; so is a joiner that joins nothing."""
    with pytest.raises(ValidationError, match="must not hold invisible characters"):
        TypeAdapter(AccountId).validate_python(name)


@pytest.mark.parametrize("state", AccountState)
def test_states_change_as_the_table_says(state: AccountState) -> None:
    """A state may stay or go where the table says; every other way is refused by name."""
    account = an_account(state=state)
    for wanted in AccountState:
        assert account.can_become(wanted) == (wanted is state or wanted in TRANSITIONS[state])
        if account.can_become(wanted):
            assert account.become(wanted, attempts=3) == an_account(state=wanted, attempts=3)
        else:
            with pytest.raises(ValueError, match=f"cannot go from {state} to {wanted}"):
                account.become(wanted)


def test_only_an_attempt_connects() -> None:
    """A new or deleted account is not connected but by an attempt, and a deleted one comes back only as a new one."""
    into = {state for state, reached in TRANSITIONS.items() if AccountState.CONNECTED in reached}
    assert into.isdisjoint({AccountState.NEW, AccountState.DELETED})
    assert TRANSITIONS[AccountState.DELETED] == {AccountState.NEW}
    assert all(AccountState.DELETED in TRANSITIONS[state] for state in set(AccountState) - {AccountState.DELETED})


def test_pages_are_counted_as_emailengine_counts() -> None:
    """A list starts at page 0 with 20 accounts a page, and takes 1 to 1000."""
    assert (AccountQuery().page, AccountQuery().page_size) == (0, 20)
    assert AccountQuery.model_validate({"page": "1048576", "pageSize": "1000"}).page_size == 1000
    for wrong in ({"page": "-1"}, {"page": "1048577"}, {"pageSize": "0"}, {"pageSize": "1001"}):
        with pytest.raises(ValidationError):
            AccountQuery.model_validate(wrong)


@pytest.mark.parametrize("state", ["unset", "syncing", "disconnected", "paused", *sorted(LISTED)])
def test_every_state_of_emailengine_can_be_asked_for(state: str) -> None:
    """A list is narrowed to any of EmailEngine's states, those of ours among them, and to no other."""
    assert AccountQuery.model_validate({"state": state}).state == state
    with pytest.raises(ValidationError):
        AccountQuery.model_validate({"state": "deleted"})


def test_an_account_is_shown_as_emailengine_shows_it() -> None:
    """An account's view has EmailEngine's fields, and of custom headers the names only."""
    subscription = Subscription(id="sub-1", expires=START + timedelta(days=7), created=START)
    account = an_account(
        state=AccountState.CONNECTED,
        email="anna@contoso.com",
        subscription=subscription,
        options={"path": None, "customHeaderNames": ["X-Tenant"], "notifyFrom": "now"},
    )
    shown = view(account, provider="outlookService").model_dump(mode="json", by_alias=True)
    assert shown == {
        "account": "anna",
        "name": None,
        "email": "anna@contoso.com",
        "state": "connected",
        "lastError": None,
        "type": "outlookService",
        "app": APP,
        "baseScopes": "api",
        "oauth2": {"provider": APP, "auth": {"user": "anna@contoso.com"}},
        "webhooks": None,
        "webhooksCustomHeaders": [{"key": "X-Tenant", "value": "******"}],
        "path": None,
        "subconnections": None,
        "logs": False,
        "locale": None,
        "tz": None,
        "notifyFrom": "now",
        "outlookSubscription": {
            "id": "sub-1",
            "expirationDateTime": "2026-03-09T09:30:00.000Z",
            "state": {"state": "created", "time": 1772443800000},
        },
        "polling": False,
        "lastSweep": None,
        "silentFinds": 0,
        "nextAttempt": None,
    }


def test_the_password_of_a_webhook_is_masked() -> None:
    """User and password of a webhook's URL are shown as stars, in the list too."""
    account = an_account(webhooks="https://anna:hush@receiver.example.com/hook")
    shown = [view(account, provider="x").webhooks, list_entry(account, provider="x").webhooks]
    assert shown == ["https://******@receiver.example.com/hook"] * 2


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (AccountState.CONNECTED, None),
        (
            AccountState.AUTHENTICATION_ERROR,
            {
                "response": "Token request failed",
                "serverResponseCode": "OauthRenewError",
                "description": "Upload a new client secret.",
                "tokenRequest": {"status": 401},
            },
        ),
    ],
)
def test_the_last_error_is_over_once_connected(state: AccountState, shown: dict[str, Any] | None) -> None:
    """`lastError` has EmailEngine's shape, in the list too, and is null while the account is connected."""
    error = LastError(
        response="Token request failed",
        code="OauthRenewError",
        description="Upload a new client secret.",
        token_request={"status": 401},
        permanent=True,
    )
    account = an_account(state=state, last_error=error)
    assert view(account, provider="outlookService").last_error == shown
    assert list_entry(account, provider="outlookService").last_error == shown


def test_an_account_has_a_webhook_of_its_own() -> None:
    """The id of a registration's own webhook follows from its key and incarnation; a delivery's id can carry it."""
    first, second = an_account().webhook, an_account(incarnation="incarnation-2").webhook
    assert re.fullmatch(rf"account-{account_key('anna')}-[0-9a-f]{{8}}", first)
    assert first == an_account(user="other@contoso.com", updated=START + timedelta(days=1)).webhook
    assert first != second


def test_a_stored_account_is_read_back() -> None:
    """An account survives its way through JSON."""
    account = an_account(last_error=LastError(response="r", code="c"), next_attempt=START)
    assert Account.model_validate_json(account.model_dump_json()) == account
