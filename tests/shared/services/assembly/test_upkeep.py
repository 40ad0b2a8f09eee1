"""Upkeep: jobs, timers, figures and health look at the same things."""

from shared.services.timers import NEVER
from tests.shared.services.world import World


def test_a_job_and_the_timer_see_one_heartbeat() -> None:
    """The tick that a job makes for a dead timer is the timer's own."""
    relay = World().process().relay
    assert relay.jobs.timers is relay.timers


def test_a_timer_that_never_ran_has_no_heartbeat() -> None:
    """Before the first tick there is a heartbeat that lies before every moment."""
    assert World().process().relay.timers.heartbeat.get("") == NEVER
