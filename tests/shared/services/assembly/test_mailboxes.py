"""How mailboxes are watched: all that a connected mailbox needs, from the same hands."""

from tests.shared.services.world import World

URL = "https://relay.example.com"


def test_our_own_address_is_tried_once_for_many_accounts() -> None:
    """However many accounts move to a new address, it is asked whether it answers once in a while."""
    world = World()
    relocations = world.process().relay.jobs.relocations
    assert [relocations.reachable.get(URL) for _ in range(3)] == [URL] * 3
    assert world.endpoint.reached == [URL]


def test_a_connection_hands_over_to_those_that_go_on() -> None:
    """What a connection begins, the renewals and sweeps of the jobs continue."""
    jobs = World().process().relay.jobs
    assert jobs.connections.renewals is jobs.relocations.renewals is jobs.renewals
    assert jobs.connections.sweeps is jobs.sweeps
