"""Rows that a newer version wrote: read, changed and written back, they lose nothing that only it understands."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.seal import Seal
from shared.adapters.storage.tables.accounts import AccountTable
from shared.adapters.storage.tables.deliveries import DeliveryTable
from shared.adapters.storage.tables.due import DueTable
from shared.adapters.storage.tables.flows import FlowTable
from shared.adapters.storage.tables.folders import FolderTable
from shared.adapters.storage.tables.grants import GrantTable
from shared.adapters.storage.tables.instance_settings import InstanceSettingsTable
from shared.adapters.storage.tables.metrics import MetricsTable
from shared.adapters.storage.tables.oauth2_apps import OAuth2AppTable
from shared.adapters.storage.tables.permits import PermitTable
from shared.adapters.storage.tables.poison import PoisonTable
from shared.adapters.storage.tables.quotas import QuotaTable
from shared.adapters.storage.tables.rate_limits import RateLimitTable
from shared.adapters.storage.tables.table import Table
from shared.adapters.storage.tables.tokens import TokenTable
from shared.adapters.storage.tables.watches import ShardTable, WatchTable
from shared.adapters.storage.tables.webhooks import WebhookTable
from shared.domain.accounts import AccountState, Claim, FormerSubscription, LastError, Subscription
from shared.domain.census import Census
from shared.domain.certificates import ClientCertificate
from shared.domain.changes import ChangeBatch
from shared.domain.deliveries import Attempt, DeliveryState, Retry
from shared.domain.due import Due, DueKind, Heartbeat
from shared.domain.errors import NewerRecord
from shared.domain.expiries import Notice
from shared.domain.folders import Folder, FolderTree
from shared.domain.grants import GrantState, shard_of
from shared.domain.instance_settings import FormerSecrets, InstanceSettings
from shared.domain.jobs import Job, JobBatch
from shared.domain.models import Carried
from shared.domain.oauth2 import FormerSecret
from shared.domain.permits import Permit
from shared.domain.quotas import QuotaUse
from shared.domain.rate_limits import RateLimit, RequestCount
from shared.domain.restrictions import Restrictions
from shared.domain.shards import SeenShard, Shard
from shared.domain.signatures import SigningSecret
from shared.domain.tallies import Tally, folded
from shared.domain.tokens import Permissions
from tests.contracts.delegated import flow, grant, watch
from tests.contracts.examples import account, app, delivery, token, webhook
from tests.contracts.newer import NEWER, carried, inside, newer, parts, places
from tests.contracts.poison import poisoned
from tests.fakes.clock import START, FakeClock

Value = TypeVar("Value")

ERROR = LastError(response="No.", code="no")
ACCOUNT = account(
    last_error=ERROR,
    subscription=Subscription(id="1", expires=START, created=START),
    former_subscriptions=(FormerSubscription(app="app", id="0"),),
    claim=Claim(holder="me", until=START),
)
APP = app(former_secrets=(FormerSecret(reference="1", until=START),), notice=Notice(ahead=7, at=START))
CENSUS = Census(taken=START)
COUNT = RequestCount(window=1)
ATTEMPT = Attempt(number=1, at=START, milliseconds=5)
DELIVERY = delivery(attempts=(ATTEMPT,))
DUE = Due(kind=DueKind.RENEW, subject="anna", at=START)
FLOW = flow()
GRANT = grant(refusal=ERROR)
HEARTBEAT = Heartbeat(until=START)
PERMIT = Permit(mailbox="anna", place=0, holder="me", until=START)
POISONED = poisoned(1)
QUOTA = QuotaUse(window=1)
SETTINGS = InstanceSettings(former_secrets=(FormerSecrets(reference="1", until=START),))
SHARD = Shard(number=0)
TALLY = Tally(updated=START)
TOKEN = token(
    permissions=Permissions(actions=("read",)),
    restrictions=Restrictions(rate_limit=RateLimit(max_requests=1, time_window=1)),
)
TREE = FolderTree(folders={"1": Folder(path="INBOX")})
WATCH = watch()
WEBHOOK = webhook()

QUEUED = (ChangeBatch, JobBatch, Retry)
IN_THE_VAULT = {SigningSecret, ClientCertificate}


def there(found: Value | None) -> Value:
    """Return what must be there."""
    assert found is not None
    return found


def an_account(connection: StorageConnection, prefix: str) -> Carried:
    """Change an account."""
    store = AccountTable(connection, prefix)
    read = store.insert(newer(ACCOUNT))
    store.replace(there(store.get(ACCOUNT.key)).value.become(AccountState.CONNECTING), read.etag)
    (listed,) = store.all()
    assert listed.state is AccountState.CONNECTING
    return listed


def an_app(connection: StorageConnection, prefix: str) -> Carried:
    """Change an application."""
    store = OAuth2AppTable(connection, prefix)
    store.insert(newer(APP))
    read = there(store.get(APP.id))
    store.replace(read.value.model_copy(update={"last_error": "no"}), read.etag)
    return there(store.get(APP.id)).value


def a_count(connection: StorageConnection, prefix: str) -> Carried:
    """Count another request."""
    store = RateLimitTable(connection, prefix)
    store.insert("token", newer(COUNT))
    read = there(store.get("token"))
    store.replace("token", read.value.take(RateLimit(max_requests=9, time_window=1), window=2, want=1)[0], read.etag)
    return there(store.get("token")).value


def a_delivery(connection: StorageConnection, prefix: str) -> Carried:
    """Attempt a delivery."""
    store = DeliveryTable(connection, FakeClock(), prefix)
    store.add([(newer(DELIVERY), b"{}")])
    read = there(store.get(DELIVERY.key))
    store.replace(read.value.ended(DeliveryState.FAILED, "No.", now=START), read.etag)
    return there(store.get(DELIVERY.key)).value


def an_entry(connection: StorageConnection, prefix: str) -> Carried:
    """Find what is due."""
    store = DueTable(connection, prefix)
    store.put(newer(DUE))
    (read,) = store.within(START, START, 10)
    return read


def a_flow(connection: StorageConnection, prefix: str) -> Carried:
    """Take a flow."""
    store = FlowTable(connection, Seal({"k1": b"1" * 32}), prefix)
    store.put(newer(FLOW))
    return there(store.take(FLOW.id))


def a_grant(connection: StorageConnection, prefix: str) -> Carried:
    """Refuse a grant."""
    store = GrantTable(connection, prefix)
    store.insert(newer(GRANT))
    read = there(store.get(GRANT.id))
    return store.replace(read.value.model_copy(update={"state": GrantState.REFUSED}), read.etag).value


def a_heartbeat(connection: StorageConnection, prefix: str) -> Carried:
    """Beat again."""
    store = DueTable(connection, prefix)
    store.beat(newer(HEARTBEAT), None)
    read = there(store.heartbeat())
    store.beat(read.value.model_copy(update={"claimed": START}), read.etag)
    return there(store.heartbeat()).value


def a_permit(connection: StorageConnection, prefix: str) -> Carried:
    """Give a permit back."""
    store = PermitTable(connection, prefix)
    store.insert(newer(PERMIT))
    (read,) = store.of("anna")
    store.replace(read.value.model_copy(update={"holder": ""}), read.etag)
    return store.of("anna")[0].value


def a_message(connection: StorageConnection, prefix: str) -> Carried:
    """Mark a message that was given up."""
    store = PoisonTable(connection, prefix)
    store.keep(newer(POISONED))
    read = there(store.get(POISONED.id))
    store.replace(read.value.model_copy(update={"requeued": START}), read.etag)
    return store.page(None, 10).items[0]


def a_quota(connection: StorageConnection, prefix: str) -> Carried:
    """Use a quota."""
    store = QuotaTable(connection, prefix)
    store.insert("app", newer(QUOTA))
    read = there(store.get("app"))
    store.replace("app", read.value.model_copy(update={"window": 2}), read.etag)
    return there(store.get("app")).value


def the_settings(connection: StorageConnection, prefix: str) -> Carried:
    """Change the settings."""
    store = InstanceSettingsTable(connection, prefix)
    store.insert(newer(SETTINGS))
    read = there(store.get())
    store.replace(read.value.model_copy(update={"notify_text": False}), read.etag)
    return there(store.get()).value


def a_shard(connection: StorageConnection, prefix: str) -> Carried:
    """Claim a shard and hand it back."""
    store = ShardTable(connection, prefix)
    store.release(store.claim(SeenShard(newer(SHARD), None), "me"))
    return store.read().shards[0].shard


def a_tally(connection: StorageConnection, prefix: str) -> Carried:
    """Fold a process's tally into the base of all."""
    store = MetricsTable(connection, prefix)
    store.fold(newer(TALLY), None, [])
    read = there(store.read().base)
    store.fold(folded(read.value, [], now=START), read.etag, [])
    return there(store.read().base).value


def a_census(connection: StorageConnection, prefix: str) -> Carried:
    """Find the census, which is always taken anew."""
    store = MetricsTable(connection, prefix)
    store.keep(newer(CENSUS))
    return there(store.read().census)


def a_token(connection: StorageConnection, prefix: str) -> Carried:
    """Find a token."""
    store = TokenTable(connection, prefix)
    store.insert(newer(TOKEN))
    return there(store.get(TOKEN.id))


def a_tree(connection: StorageConnection, prefix: str) -> Carried:
    """Find a mailbox's folders."""
    store = FolderTable(connection, prefix)
    store.put("anna", newer(TREE))
    return there(store.get("anna"))


def a_watch(connection: StorageConnection, prefix: str) -> Carried:
    """Find a watch."""
    store = WatchTable(connection, prefix)
    store.put(newer(WATCH))
    (read,) = store.of(shard_of(WATCH.grant))
    return read


def a_webhook(connection: StorageConnection, prefix: str) -> Carried:
    """Disable a webhook."""
    store = WebhookTable(connection, prefix)
    store.insert(newer(WEBHOOK))
    read = there(store.get(WEBHOOK.id))
    store.replace(read.value.model_copy(update={"disabled": "410"}), read.etag)
    return there(store.get(WEBHOOK.id)).value


CASES: list[tuple[Carried, Callable[[StorageConnection, str], Carried]]] = [
    (ACCOUNT, an_account),
    (APP, an_app),
    (CENSUS, a_census),
    (COUNT, a_count),
    (DELIVERY, a_delivery),
    (DUE, an_entry),
    (FLOW, a_flow),
    (GRANT, a_grant),
    (HEARTBEAT, a_heartbeat),
    (PERMIT, a_permit),
    (POISONED, a_message),
    (QUOTA, a_quota),
    (SETTINGS, the_settings),
    (SHARD, a_shard),
    (TALLY, a_tally),
    (TOKEN, a_token),
    (TREE, a_tree),
    (WATCH, a_watch),
    (WEBHOOK, a_webhook),
]


@pytest.mark.parametrize(("record", "work"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_what_a_newer_version_added_stays(
    record: Carried,
    work: Callable[[StorageConnection, str], Carried],
    connection: StorageConnection,
    prefix: str,
) -> None:
    """A name that is not known here is still in each part of a record after it was read, changed and written."""
    written = work(connection, prefix)
    assert set(places(written)) == set(places(newer(record)))
    assert NEWER in dict(written)


def test_no_model_is_forgotten() -> None:
    """Every model that is carried from one version to another, and not by a queue or the vault, is among those."""
    queued = set().union(*(inside(model) for model in (*QUEUED, Job)))
    tried = {part for record, _ in CASES for part in parts(record)}
    assert carried() - queued - IN_THE_VAULT - tried == set()


def test_every_part_of_a_record_is_carried() -> None:
    """Whatever stands inside a model that keeps unknown names keeps them too."""
    assert [part for model in carried() for part in inside(model) if not issubclass(part, Carried)] == []


def test_an_application_of_a_newer_kind_is_left_alone(connection: StorageConnection, prefix: str) -> None:
    """One that signs in as is not known here cannot be read, for now, and the list shows the others."""
    store = OAuth2AppTable(connection, prefix)
    store.insert(app("a"))
    store.insert(app("b"))
    rows = Table(connection, f"{prefix}oauthapps")
    row = there(rows.get("oauth2", "b"))
    rows.replace({**row.columns, "record0": row.columns["record0"].replace("outlookService", "gmail")}, row.etag)
    with pytest.raises(NewerRecord):
        store.get("b")
    assert list(store.all()) == [app("a")]


def test_a_newer_state_is_a_state(connection: StorageConnection, prefix: str) -> None:
    """Records in a state of a newer version are listed as they are, and a delivery overrules none but its own end."""
    accounts, clock = AccountTable(connection, prefix), FakeClock()
    paused = accounts.insert(account().model_copy(update={"state": "paused"}))
    assert [each.state for each in accounts.all()] == ["paused"]
    assert accounts.replace(paused.value.become(AccountState.CONNECTING), paused.etag)
    deliveries = DeliveryTable(connection, clock, prefix)
    deliveries.add([(delivery().model_copy(update={"state": "held"}), b"{}")])
    deliveries.add([(delivery(), b"{}")])
    assert there(deliveries.get(delivery().key)).value.state == "held"
    deliveries.add([(delivery(state=DeliveryState.DELIVERED, updated=START + timedelta(1)), b"{}")])
    assert there(deliveries.get(delivery().key)).value.state is DeliveryState.DELIVERED
