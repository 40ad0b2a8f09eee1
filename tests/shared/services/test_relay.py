"""The relay: its parts share what they keep in memory."""

from shared.services.relay import Relay
from tests.shared.services.world import World


def test_what_one_part_learns_the_others_know() -> None:
    """An account, application or webhook that one part forgets is read anew by every part."""
    relay: Relay = World().process().relay
    assert relay.jobs.account_lookup is relay.accounts.account_lookup is relay.changes.accounts
    assert relay.oauth2_apps.lookup is relay.accounts.apps is relay.changes.apps is relay.jobs.sweeps.apps
    assert relay.deliveries.webhook_lookup is relay.accounts.webhook_lookup is relay.instance_settings.webhook_lookup


def test_a_job_and_the_timer_see_one_heartbeat() -> None:
    """The tick that a job makes for a dead timer is the timer's own."""
    relay = World().process().relay
    assert relay.jobs.timers is relay.timers
