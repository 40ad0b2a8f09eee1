"""The relay: what it offers is what its parts work with."""

from tests.shared.services.world import World


def test_what_is_offered_is_what_works() -> None:
    """Replays, expiries and erasures that a caller begins are those that the jobs go on with."""
    relay = World().process().relay
    assert (relay.jobs.replays, relay.jobs.expiries, relay.jobs.erasures) == (
        relay.replays,
        relay.expiries,
        relay.erasures,
    )
    assert relay.accounts.webhooks.replays is relay.instance_settings.webhooks.replays is relay.replays
