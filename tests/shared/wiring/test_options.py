"""The options: settings in the units of the use cases."""

from collections.abc import Callable
from datetime import timedelta

from shared.domain.tokens import token_id
from shared.settings import Settings
from shared.wiring.options import options_of


def test_numbers_become_times(settings: Callable[..., Settings]) -> None:
    """Days, minutes and seconds of the settings are what they say."""
    options = options_of(settings(payload_retention_days=4, retention_days=40, sweep_minutes=20, poll_seconds=90))
    assert (options.payload_retention, options.retention) == (timedelta(days=4), timedelta(days=40))
    assert (options.sweep_interval, options.poll_interval) == (timedelta(minutes=20), timedelta(seconds=90))


def test_of_the_first_token_only_its_id_goes_on(settings: Callable[..., Settings]) -> None:
    """The use cases know the environment's token by its id, and never see the token."""
    assert options_of(settings()).first_tokens == (token_id("f" * 64),)
