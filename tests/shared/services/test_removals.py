"""Removals: whatever dies or is refused, nothing of a removed account stays but what must still be told."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import AccountState, FormerSubscription, Subscription
from shared.domain.callers import Caller
from shared.domain.errors import Changed, NotAuthenticated
from shared.domain.jobs import JobKind
from shared.domain.oauth2 import OAuth2App
from shared.domain.registrations import NewAccount
from shared.domain.tokens import Action, Group, NewToken, Scope
from tests.factories import APP, an_account
from tests.fakes.clock import START
from tests.fakes.microsoft365 import WEEK
from tests.shared.services.world import BUSY, OWN, WRONG_SECRET, Died, Process, World, survive


def test_a_removed_account_leaves_nothing(world: World, process: Process) -> None:
    """Removal ends the subscription, frees the mailbox, says goodbye and forgets the row."""
    account = world.connected()
    world.live(account)
    process.accounts.remove("anna")
    process.work()
    assert world.subscriptions.live == {}
    assert world.accounts.get(account.key) is None
    assert world.folders.get(account.key) is None
    assert world.bindings.bind(account.app, account.user, "ben") == "ben"
    assert [event.event for event in world.said()] == ["accountDeleted"]


@pytest.mark.parametrize("webhooks", [None, OWN], ids=["default webhook", "own webhook"])
def test_tokens_go_with_their_account(world: World, process: Process, webhooks: str | None) -> None:
    """A token that is bound to an account is revoked with it, so another registration is not opened; others stay."""
    account = world.connected(webhooks=webhooks)
    world.connected("ben")
    world.live(account)
    for_anna, for_ben = (
        process.tokens.make(NewToken(description="CRM", account=name))["token"] for name in ("anna", "ben")
    )
    process.accounts.remove("anna")
    process.work()
    world.process().tokens.authorize(for_ben, Scope.API, Action.READ, Group.ACCOUNT, "ben", caller=Caller())
    with pytest.raises(NotAuthenticated):
        world.process().tokens.authorize(for_anna, Scope.API, Action.READ, Group.ACCOUNT, "anna", caller=Caller())


def test_a_removal_waits_for_what_came_between(world: World) -> None:
    """A row that changes while its removal is being completed is not deleted; the job comes again."""
    account = world.connected()
    world.live(account)
    world.process().accounts.remove("anna")

    class Raced:
        """Has the row change before the first deletion."""

        def __init__(self) -> None:
            self.refusals = 0

        def delete(self, key: str, etag: str) -> None:
            stored = world.accounts.get(key)
            if stored is not None and not self.refusals:
                world.accounts.replace(stored.value, stored.etag)
            try:
                world.accounts.delete(key, etag)
            except Changed:
                self.refusals += 1
                raise

        def __getattr__(self, name: str) -> Any:
            return getattr(world.accounts, name)

    raced = Raced()
    world.process(lambda port: raced if port is world.accounts else port).work()
    assert (raced.refusals, world.accounts.get(account.key)) == (1, None)


def test_a_late_removal_takes_nothing_of_who_came_back(world: World) -> None:
    """Where the id is registered again while Graph ends the former subscription, tokens made since stay."""
    account = world.connected()
    world.live(account)
    world.process().accounts.remove("anna")
    request = {"account": "anna", "oauth2": {"provider": APP, "auth": {"user": account.user}}}
    kept: list[str] = []

    class Slow:
        """Lets the account come back while a subscription is being ended."""

        def delete(self, app: OAuth2App, subscription: str) -> None:
            world.subscriptions.delete(app, subscription)
            if not kept:
                back = world.process()
                back.register(NewAccount.model_validate(request))
                kept.append(back.tokens.make(NewToken(description="CRM", account="anna"))["id"])

        def __getattr__(self, name: str) -> Any:
            return getattr(world.subscriptions, name)

    slow = Slow()
    world.process(lambda port: slow if port is world.subscriptions else port).work()
    assert [token.id for token in world.tokens.all()] == kept
    assert world.account().state is AccountState.CONNECTED


def test_an_own_webhook_outlives_its_account(world: World, process: Process) -> None:
    """With a webhook of its own the account is kept, nameless, until the last retry is over; then both go."""
    account = world.connected(webhooks=OWN, email="anna@contoso.com")
    world.live(account)
    headers = world.vault.put("webhook-headers", "{}")
    world.hook(account.webhook, OWN, headers=headers)
    process.accounts.remove("anna")
    process.work()
    left = world.account()
    assert (left.state, left.email, left.user, left.subscription) == (AccountState.DELETED, None, "", None)
    process.work(until=timedelta(days=6))
    assert world.accounts.get(account.key) is None
    assert world.webhooks.get(account.webhook) is None
    assert headers not in world.vault.secrets


@pytest.mark.parametrize("webhooks", [None, OWN], ids=["default webhook", "own webhook"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 20))
def test_a_crash_never_stops_a_removal(
    world: World, process: Process, webhooks: str | None, at: int, *, after: bool
) -> None:
    """Whenever the process dies, subscription, token, binding and secrets go, and accountDeleted is told."""
    account = world.connected(webhooks=webhooks)
    world.live(account)
    headers = world.vault.put("webhook-headers", "{}")
    world.hook(account.webhook, OWN, headers=headers)
    process.tokens.make(NewToken(description="CRM", account="anna"))
    # Marked as deleted by a process that died right afterwards.
    world.rewrite(account, state=AccountState.DELETED)
    world.queue(account, JobKind.DISCONNECT)
    survive(world, at=at, after=after)
    assert world.subscriptions.live == {}
    assert list(world.tokens.all()) == []
    assert world.bindings.bind(account.app, account.user, "ben") == "ben"
    assert world.announced() == ["accountDeleted"]
    world.process().work(until=timedelta(days=6))
    assert (world.accounts.get(account.key), world.webhooks.get(account.webhook)) == (None, None)
    assert headers not in world.vault.secrets


def test_a_removal_waits_for_graph(world: World, process: Process) -> None:
    """A subscription that cannot be ended now is ended later."""
    account = world.connected()
    world.live(account)
    world.subscriptions.deletion_troubles.add(BUSY, BUSY)
    process.accounts.remove("anna")
    process.work()
    assert world.subscriptions.live == {}
    assert world.accounts.get(account.key) is None


def test_a_removal_does_not_need_a_sign_in(world: World, process: Process) -> None:
    """An application that may no longer sign in does not keep its accounts from going."""
    account = world.connected()
    world.live(account)
    world.subscriptions.deletion_troubles.add(WRONG_SECRET)
    process.accounts.remove("anna")
    process.work()
    assert world.accounts.get(account.key) is None
    assert "subscription.abandoned" in world.log.problems()


def test_a_removal_looks_for_what_a_dead_process_left(world: World) -> None:
    """A subscription whose process died before it could note it is ended with its account."""
    world.registered()

    class Dying:
        """Subscribes, and does not live to tell."""

        def create(self, *asked: Any) -> None:
            world.subscriptions.create(*asked)
            raise Died

        def __getattr__(self, name: str) -> Any:
            return getattr(world.subscriptions, name)

    dying = Dying()
    doomed = world.process(lambda port: dying if port is world.subscriptions else port)
    (message,) = world.jobs.take()
    with pytest.raises(Died):
        doomed.jobs.run(message.body)
    world.jobs.return_(message)
    assert len(world.subscriptions.live) == 1
    world.process().accounts.remove("anna")
    world.process().work()
    assert (world.subscriptions.live, world.accounts.get(an_account().key)) == ({}, None)


def test_former_subscriptions_go_too(world: World, process: Process) -> None:
    """What an account no longer wanted, and had not ended yet, is ended with it."""
    account = world.connected(former_subscriptions=(FormerSubscription(app=APP, id="former"),))
    world.live(account)
    former = Subscription(id="former", expires=START + WEEK, created=START)
    world.live(account.model_copy(update={"subscription": former}))
    process.accounts.remove("anna")
    process.work()
    assert world.subscriptions.live == {}


def test_a_living_account_is_not_disconnected(world: World, process: Process) -> None:
    """A job to disconnect or to purge an account that is not deleted changes nothing."""
    account = world.connected()
    world.live(account)
    for kind in (JobKind.DISCONNECT, JobKind.PURGE):
        world.queue(account, kind)
    process.work()
    assert (world.account(), len(world.subscriptions.live)) == (account, 1)


def test_without_its_application_an_account_goes(world: World, process: Process) -> None:
    """An application that was deleted before its account does not keep it from going."""
    account = world.connected()
    world.live(account)
    world.apps.delete(APP)
    process.accounts.remove("anna")
    process.work()
    assert world.accounts.get(account.key) is None
    assert world.announced() == ["accountDeleted"]
