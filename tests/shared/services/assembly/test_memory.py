"""Memory: what one use case reads or forgets, all others read or forget with it."""

from datetime import timedelta

from tests.fakes.counted import Counted
from tests.fakes.microsoft365 import TREE
from tests.shared.services.world import World


def test_what_one_part_learns_the_others_know() -> None:
    """An account, application or webhook that one part forgets is read anew by every part."""
    relay = World().process().relay
    assert relay.jobs.account_lookup is relay.accounts.account_lookup is relay.changes.accounts
    assert relay.oauth2_apps.lookup is relay.accounts.apps is relay.changes.apps is relay.jobs.sweeps.apps
    assert relay.accounts.webhooks is relay.instance_settings.webhooks
    assert relay.deliveries.webhook_lookup is relay.accounts.webhooks.lookup


def test_the_tenants_quotas_are_counted_once() -> None:
    """Whoever subscribes for a tenant draws from one and the same count of its subscriptions."""
    jobs = World().process().relay.jobs
    assert jobs.connections.quotas is jobs.renewals.quotas is jobs.relocations.quotas is jobs.removals.quotas


def test_an_account_brings_its_folders_along() -> None:
    """Account and folders are one request where neither is known, and known folders are not read again."""
    world, counted = World(), Counted()
    account = world.connected()
    changes = world.process(counted.over).relay.changes
    for _ in range(2):
        assert changes.accounts.get(account.key) is not None
        assert changes.folders.find(account, "inbox-id") == TREE.folders["inbox-id"]
        world.clock.advance(timedelta(minutes=2))
    reads = ("FakeAccountStore.get_with_folders", "FakeAccountStore.get", "FakeFolderStore.get")
    assert [counted.calls[each] for each in reads] == [1, 1, 0]
