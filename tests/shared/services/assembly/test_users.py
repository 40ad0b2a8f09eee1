"""Mailboxes of users: opened by one set of grants."""

from tests.shared.services.world import World


def test_one_token_serves_whoever_asks() -> None:
    """Signing in, registering and watching ask the same grants, which remember their tokens."""
    relay = World().process().relay
    assert relay.sign_ins.grants is relay.accounts.grants is relay.jobs.watching.grants


def test_both_kinds_of_mailbox_say_how_they_stand_in_one_way() -> None:
    """Whether Graph or the sidecar opens a mailbox, the same service keeps and announces how it stands."""
    jobs = World().process().relay.jobs
    assert jobs.connections.standings is jobs.watching.standings
