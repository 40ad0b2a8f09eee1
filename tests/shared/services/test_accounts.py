"""Accounts: registered once, changed in place, listed as asked, and without a secret in any row."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import Account, AccountQuery, AccountState, Claim, account_key
from shared.domain.errors import AccountNotFound, Changed, InvalidRequest
from shared.domain.jobs import JobKind
from shared.domain.registrations import AccountChange, NewAccount
from shared.services.bindings import AccountExists
from tests.factories import APP, a_message
from tests.fakes.clock import START
from tests.fakes.faults import Faulty
from tests.shared.services.world import Died, Fate, Process, World

OWN = "https://own.example.com/hook"
GUARDED = "https://relay:hunter2@own.example.com/hook"
SECRET_HEADER = "Bearer of the customer"


def request(account: str | None = "anna", **changes: Any) -> NewAccount:
    """Return the body of a registration."""
    user = changes.pop("user", f"{account}@contoso.com")
    values = {"account": account, "oauth2": {"provider": APP, "auth": {"user": user}}}
    return NewAccount.model_validate({**values, **changes})


def ids(page: dict[str, Any]) -> list[str]:
    """Return the ids of the accounts on a page."""
    return [shown["account"] for shown in page["accounts"]]


def ids_and_urls(page: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Return the ids and webhooks of the accounts on a page."""
    return [(shown["account"], shown["webhooks"]) for shown in page["accounts"]]


# --- registering ---


def test_a_registration_is_stored_and_queued(world: World, process: Process) -> None:
    """A new account has a row in state `init`, a bound mailbox, and one job that connects it."""
    assert process.register(request(name="Anna")) == ("anna", "new")
    account = world.account()
    assert (account.state, account.name, account.email) == (AccountState.NEW, "Anna", "anna@contoso.com")
    assert [(job.kind, job.account) for job in world.jobs.bodies()] == [(JobKind.CONNECT, account_key("anna"))]
    assert world.bindings.bind(APP, "ANNA@contoso.com", "ben") == "anna"


@pytest.mark.parametrize(
    ("since", "told"),
    [
        ((START - timedelta(hours=1)).isoformat(), ["messageNew"]),
        ((START - timedelta(hours=1)).replace(tzinfo=None).isoformat(), ["messageNew"]),
        ((START - timedelta(minutes=10)).isoformat(), []),
        ((START + timedelta(days=1)).isoformat(), []),
        ("0001-01-01T00:00:00+05:00", ["messageNew"]),
        ("now", []),
    ],
)
def test_a_registration_may_go_back(world: World, process: Process, since: str, told: list[str]) -> None:
    """With `notifyFrom`, mail that came since then is told too, once: what nobody watched for can be made up for."""
    came = START - timedelta(minutes=30)
    world.history.deliver(a_message(received=came, created=came, modified=came))
    process.register(request(notifyFrom=since))
    for _ in range(2):
        process.work(until=timedelta(minutes=30))
        process.expand_queued()
    assert [event for event in world.sender.events() if event.startswith("message")] == told
    assert world.account().watched_since is not None


def test_an_id_is_generated(world: World, process: Process) -> None:
    """`account: null` asks for an id, and another one each time."""
    first, second = (process.register(request(None, user=f"{n}@contoso.com"))[0] for n in "ab")
    assert first != second
    assert process.accounts.show(first)["account"] == first


def test_a_second_registration_changes_the_first(world: World, process: Process) -> None:
    """The same id again is `existing`: what the request names changes, and the account connects anew."""
    process.register(request(name="Anna", logs=True))
    assert process.register(request(email="a@contoso.com", tz="Europe/Berlin")) == ("anna", "existing")
    shown = process.accounts.show("anna")
    assert (shown["name"], shown["email"], shown["logs"], shown["tz"]) == (
        "Anna",
        "a@contoso.com",
        True,
        "Europe/Berlin",
    )
    assert [job.kind for job in world.jobs.bodies()] == [JobKind.CONNECT, JobKind.RECONNECT]


def test_registrations_at_once_make_one_account(world: World) -> None:
    """Of eight equal requests at the same time one is `new`."""
    with ThreadPoolExecutor(8) as threads:
        processes = [world.process() for _ in range(8)]
        results = list(threads.map(lambda process: process.register(request())[1], processes))
    assert sorted(results) == ["existing"] * 7 + ["new"]


def test_a_mailbox_has_one_account(world: World, process: Process) -> None:
    """A second account for the same mailbox is refused, however its address is spelt, and named is the first."""
    process.register(request())
    with pytest.raises(AccountExists) as refused:
        process.register(request("ben", user="ANNA@contoso.com"))
    assert (refused.value.code, refused.value.extras()) == ("AccountAlreadyExists", {"existingAccount": "anna"})
    assert world.accounts.get(account_key("ben")) is None


def test_a_mailbox_is_free_after_its_account(world: World, process: Process) -> None:
    """Once an account was removed, or died before it had a row, another may watch its mailbox."""
    process.register(request())
    process.accounts.remove("anna")
    world.bindings.bind(APP, "carl@contoso.com", "nobody")
    assert process.register(request("ben", user="anna@contoso.com")) == ("ben", "new")
    assert process.register(request("carl")) == ("carl", "new")


def test_accounts_that_reach_for_one_mailbox_at_once_are_not_both_made(world: World) -> None:
    """A registration that another one overtook between binding and row leaves nothing, and names the other."""

    class Slow:
        """Lets another account register the same mailbox before the row is written."""

        def insert(self, account: Account) -> Any:
            if account.id == "anna":
                world.process().register(request("ben", user="anna@contoso.com"))
            return world.accounts.insert(account)

        def __getattr__(self, name: str) -> Any:
            return getattr(world.accounts, name)

    slow = Slow()
    overtaken = world.process(lambda port: slow if port is world.accounts else port)
    headers = [{"key": "Authorization", "value": SECRET_HEADER}]
    with pytest.raises(AccountExists) as refused:
        overtaken.register(request(webhooks=OWN, webhooksCustomHeaders=headers))
    assert refused.value.existing == "ben"
    assert [account.id for account in world.accounts.all()] == ["ben"]
    assert [job.account for job in world.jobs.bodies()] == [account_key("ben")]
    assert SECRET_HEADER not in repr(world.vault.secrets)


def test_an_unknown_application_is_named(world: World, process: Process) -> None:
    """A registration through an application that nobody registered is refused, and leaves nothing."""
    wrong = {"provider": "unknown", "auth": {"user": "anna@contoso.com"}}
    with pytest.raises(InvalidRequest) as refused:
        process.register(request(oauth2=wrong))
    assert refused.value.problems[0].key == "oauth2.provider"
    assert (world.accounts.get(account_key("anna")), world.jobs.bodies()) == (None, [])


def test_a_plain_webhook_is_refused(process: Process) -> None:
    """A webhook without TLS is refused where the deployment does not allow it."""
    with pytest.raises(InvalidRequest):
        process.register(request(webhooks="http://own.example.com/hook"))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 9))
def test_a_crash_is_repaired_by_repeating(world: World, at: int, *, after: bool) -> None:
    """Whenever the process dies, the same request again leaves one account that gets connected."""
    wanted = request(webhooks=OWN, webhooksCustomHeaders=[{"key": "Authorization", "value": SECRET_HEADER}])
    try:
        world.process(Fate(at=at, after=after).over).register(wanted)
    except Died:
        world.process().register(wanted)
    world.process().work()
    account = world.account()
    assert account.state is AccountState.CONNECTED
    assert world.announced() == ["accountAdded", "authenticationSuccess", "accountInitialized"]
    webhook = world.webhooks.get(account.webhook)
    assert webhook is not None
    assert webhook.value.url == OWN


# --- changing ---


def test_a_change_leaves_the_rest(world: World, process: Process) -> None:
    """What a change does not name stays, null unsets, and the account connects anew."""
    process.register(request(name="Anna", webhooks=OWN))
    process.change("anna", AccountChange(name=None))
    shown = process.accounts.show("anna")
    assert (shown["name"], shown["email"], shown["webhooks"]) == (None, "anna@contoso.com", OWN)
    assert world.jobs.bodies()[-1].kind is JobKind.RECONNECT


def test_a_changed_webhook_takes_effect_at_once(world: World, process: Process) -> None:
    """A new URL keeps the custom headers, and enables a webhook that was disabled."""
    header = {"key": "Authorization", "value": SECRET_HEADER}
    process.register(request(webhooks=OWN, webhooksCustomHeaders=[header]))
    webhook = world.account().webhook
    process.deliveries.webhook_lookup.get(webhook)
    world.hook(webhook, OWN, disabled="The endpoint answered 410 Gone.", headers="kept")
    process.change("anna", AccountChange(webhooks="https://new.example.com/hook"))
    stored = process.deliveries.webhook_lookup.get(webhook)
    assert stored is not None
    assert (stored.value.url, stored.value.headers, stored.value.disabled) == (
        "https://new.example.com/hook",
        "kept",
        None,
    )


def test_what_was_shown_can_be_sent_back(world: World, process: Process) -> None:
    """A client that reads, changes one field and writes all back keeps the secrets that it was shown as stars."""
    header = {"key": "Authorization", "value": SECRET_HEADER}
    process.register(request(webhooks=GUARDED, webhooksCustomHeaders=[header]))
    shown = process.accounts.show("anna")
    assert shown["webhooks"] == "https://******@own.example.com/hook"
    assert ids_and_urls(process.accounts.page(AccountQuery())) == [("anna", shown["webhooks"])]
    written = {"name": "Anna", **{key: shown[key] for key in ("webhooks", "webhooksCustomHeaders")}}
    process.change("anna", AccountChange.model_validate(written))
    stored = world.webhooks.get(world.account().webhook)
    assert stored is not None
    assert (world.account().webhooks, stored.value.url) == (GUARDED, GUARDED)
    assert world.vault.get(stored.value.headers or "") == '{"Authorization": "Bearer of the customer"}'
    assert process.register(request(**written)) == ("anna", "existing")
    assert world.account().webhooks == GUARDED


def test_stars_for_nothing_are_refused(process: Process) -> None:
    """Stars in the place of a header that is not kept are a wrong field: nobody can tell what they stand for."""
    process.register(request(webhooks=OWN))
    masked = {"webhooksCustomHeaders": [{"key": "X-New", "value": "******"}]}
    with pytest.raises(InvalidRequest) as refused:
        process.change("anna", AccountChange.model_validate(masked))
    assert [problem.key for problem in refused.value.problems] == ["webhooksCustomHeaders.0.value"]


def test_a_move_frees_the_former_mailbox(world: World, process: Process) -> None:
    """An account that moves keeps what it must end, and its former mailbox is free."""
    account = world.connected()
    moved = {"provider": APP, "auth": {"user": "new@contoso.com"}}
    process.change("anna", AccountChange.model_validate({"oauth2": moved}))
    changed = world.account()
    assert changed.subscription is None
    assert [former.id for former in changed.former_subscriptions] == ["subscription-of-anna"]
    assert world.bindings.bind(APP, account.user, "ben") == "ben"
    assert world.bindings.bind(APP, "new@contoso.com", "ben") == "anna"


def test_nobody_moves_into_a_watched_mailbox(world: World, process: Process) -> None:
    """A change to a mailbox that another account watches is refused and changes nothing."""
    world.connected()
    before = world.connected("ben")
    taken = {"provider": APP, "auth": {"user": "anna@contoso.com"}}
    with pytest.raises(AccountExists):
        process.change("ben", AccountChange.model_validate({"oauth2": taken}))
    assert world.account("ben") == before


def test_accounts_that_move_into_one_mailbox_at_once_do_not_both_watch_it(world: World) -> None:
    """Who is overtaken between binding and row goes back to its former mailbox, and on from where it left that."""
    taken = {"provider": APP, "auth": {"user": "new@contoso.com"}}
    before = world.connected(swept=START)
    world.connected("ben")

    class Slow:
        """Lets another account move before the row is written."""

        def replace(self, account: Account, etag: str) -> Any:
            if account.user == "new@contoso.com":
                world.process().change("ben", AccountChange.model_validate({"oauth2": taken}))
            return world.accounts.replace(account, etag)

        def __getattr__(self, name: str) -> Any:
            return getattr(world.accounts, name)

    slow = Slow()
    overtaken = world.process(lambda port: slow if port is world.accounts else port)
    with pytest.raises(AccountExists):
        overtaken.change("anna", AccountChange.model_validate({"oauth2": taken}))
    now = world.account()
    assert (now.access, now.swept, now.watched_since) == (before.access, START, START)
    assert world.account("ben").user == "new@contoso.com"
    assert world.bindings.bind(APP, before.user, "carl") == "anna"
    assert world.jobs.bodies()[-1].account == before.key


def test_changes_at_once_both_stay(world: World, process: Process) -> None:
    """Two changes of different fields at the same time both take effect."""
    process.register(request())
    wanted = [AccountChange(name="Anna"), AccountChange(email="a@contoso.com")] * 4
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda change: world.process().change("anna", change), wanted))
    assert (world.account().name, world.account().email) == ("Anna", "a@contoso.com")


def test_an_answer_that_was_lost_changes_nothing(world: World) -> None:
    """Where a row is written and only the answer is lost, it looks like a lost race; each request ends as it should."""
    lost = Faulty(world.accounts)
    process = world.process(lambda port: lost.port if port is world.accounts else port)
    for method in ("insert", "replace", "replace"):
        lost.fail(method, Changed("It was written a moment ago."), after=True)
    assert process.register(request()) == ("anna", "new")
    moved = {"provider": APP, "auth": {"user": "new@contoso.com"}}
    process.change("anna", AccountChange.model_validate({"oauth2": moved}))
    assert world.bindings.bind(APP, "anna@contoso.com", "ben") == "ben"
    process.accounts.remove("anna")
    assert [job.kind for job in world.jobs.bodies()] == [JobKind.CONNECT, JobKind.RECONNECT, JobKind.DISCONNECT]


# --- removing ---


def test_a_removed_account_is_gone_at_once(world: World, process: Process) -> None:
    """After a removal nobody finds the account, and one job ends the rest of it."""
    world.connected()
    process.accounts.remove("anna")
    for ask in (process.accounts.show, process.accounts.remove, process.accounts.reconnect):
        with pytest.raises(AccountNotFound):
            ask("anna")
    assert ids(process.accounts.page(AccountQuery())) == []
    assert world.jobs.bodies()[0].kind is JobKind.DISCONNECT


def test_a_removal_that_died_is_completed_by_repeating(world: World) -> None:
    """A process that dies between the row and the job leaves a removal that the same request completes."""
    world.connected()
    with pytest.raises(Died):
        world.process(Fate(at=2, after=True).over).accounts.remove("anna")
    assert world.jobs.bodies() == []
    with pytest.raises(AccountNotFound):
        world.process().accounts.remove("anna")
    world.process().work()
    assert world.announced() == ["accountDeleted"]


def test_an_account_may_come_back(world: World, process: Process) -> None:
    """An id that was removed can be registered again, as another registration."""
    first = world.connected()
    process.accounts.remove("anna")
    process.work()
    assert process.register(request()) == ("anna", "new")
    assert world.account().incarnation != first.incarnation


def test_an_account_that_comes_back_at_once_is_still_deleted(world: World, process: Process) -> None:
    """Where the same id is registered before the removal's job ran, the removal is told, and its webhook goes."""
    gone = world.connected(webhooks=OWN)
    headers = world.vault.put("webhook-headers", "{}")
    world.hook(gone.webhook, OWN, headers=headers)
    process.accounts.remove("anna")
    process.register(request(webhooks=OWN))
    process.work()
    told = [event for batch in world.changes.bodies() for event in batch.account_events]
    assert [(event.event, event.incarnation == gone.incarnation) for event in told] == [
        ("accountDeleted", True),
        ("accountAdded", False),
        ("authenticationSuccess", False),
        ("accountInitialized", False),
    ]
    assert (world.webhooks.get(gone.webhook), headers in world.vault.secrets) == (None, False)
    assert world.webhooks.get(world.account().webhook) is not None


def test_an_account_that_comes_back_elsewhere_frees_its_mailbox(world: World, process: Process) -> None:
    """Where the same id is registered at once for another mailbox, nothing says any more that it watched the former."""
    gone = world.connected()
    process.accounts.remove("anna")
    process.register(request(oauth2={"provider": APP, "auth": {"user": "new@contoso.com"}}))
    process.work()
    assert world.bindings.holder(APP, gone.user) is None
    assert world.bindings.bind(APP, "new@contoso.com", "ben") == "anna"


def test_a_removal_keeps_the_claim(world: World, process: Process) -> None:
    """A claim stays in the row of a removed account: its holder may have left a subscription to look for."""
    claim = Claim(holder="dead", until=START)
    world.connected(state=AccountState.CONNECTING, claim=claim)
    process.accounts.remove("anna")
    assert (world.account().state, world.account().claim) == (AccountState.DELETED, claim)


def test_reconnecting_queues_a_job(world: World, process: Process) -> None:
    """A reconnection is a job for exactly this registration."""
    account = world.connected()
    process.accounts.reconnect("anna")
    assert [(job.kind, job.incarnation) for job in world.jobs.bodies()] == [(JobKind.RECONNECT, account.incarnation)]


# --- listing ---


@pytest.fixture
def many(world: World) -> list[str]:
    """Keep seven accounts, the last of which is removed."""
    names = [f"account-{number}" for number in range(7)]
    for name in names[:-1]:
        world.connected(name, email=f"{name}@mail.example")
    world.connected(names[-1], state=AccountState.DELETED)
    return names[:-1]


def test_numbered_pages_count_everything(many: list[str], process: Process) -> None:
    """Numbered pages are sorted by id, count from 0, and tell how many there are."""
    page = process.accounts.page(AccountQuery(page=1, page_size=4))
    assert ids(page) == many[4:]
    assert (page["total"], page["page"], page["pages"]) == (6, 1, 2)
    assert "nextPageCursor" not in page


def test_cursors_walk_through_everything(many: list[str], process: Process) -> None:
    """Pages by cursor show every account once, and end."""
    seen: list[str] = []
    cursor: str | None = "start"
    while cursor is not None:
        page = process.accounts.page(AccountQuery(cursor=cursor, page_size=2))
        seen += ids(page)
        cursor = page["nextPageCursor"]
    assert sorted(seen) == many


def test_lists_are_filtered(world: World, many: list[str], process: Process) -> None:
    """State and a part of id, name or address narrow a list; case does not matter."""
    world.connected("broken", state=AccountState.AUTHENTICATION_ERROR)
    assert ids(process.accounts.page(AccountQuery(state="authenticationError"))) == ["broken"]
    assert ids(process.accounts.page(AccountQuery(state="authenticationError", cursor="start"))) == ["broken"]
    assert ids(process.accounts.page(AccountQuery(query="ACCOUNT-3@Mail"))) == ["account-3"]
    assert ids(process.accounts.page(AccountQuery(query="nobody"))) == []


@pytest.mark.parametrize("cursor", [None, "start"])
def test_a_state_that_never_happens_here_finds_nobody(many: list[str], process: Process, cursor: str | None) -> None:
    """EmailEngine's further states are taken, and no account is in them."""
    page = process.accounts.page(AccountQuery(state="syncing", cursor=cursor))
    assert (page["accounts"], page["state"], page.get("nextPageCursor")) == ([], "syncing", None)


def test_a_foreign_cursor_is_refused(process: Process) -> None:
    """A cursor that is none of ours is a wrong field, and no failure."""
    with pytest.raises(InvalidRequest) as refused:
        process.accounts.page(AccountQuery(cursor="nonsense!"))
    assert refused.value.problems[0].key == "cursor"


def test_secrets_are_in_no_row_view_or_log(world: World, process: Process) -> None:
    """The value of a custom header is in the vault and nowhere else; views show that there is one."""
    header = {"key": "Authorization", "value": SECRET_HEADER}
    process.register(request(webhooks=OWN, webhooksCustomHeaders=[header]))
    shown = process.accounts.show("anna")
    rows: list[Account] = list(world.accounts.all())
    webhook = world.webhooks.get(world.account().webhook)
    assert SECRET_HEADER not in repr([rows, webhook, shown, world.log.lines, world.jobs.bodies()])
    assert SECRET_HEADER in repr(world.vault.secrets)
    assert shown["webhooksCustomHeaders"] == [{"key": "Authorization", "value": "******"}]
