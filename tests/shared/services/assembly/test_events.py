"""How events leave: from a change to an endpoint, by one set of settings."""

from shared.domain.instance_settings import InstanceSettings
from tests.shared.services.world import World


def test_before_anybody_chose_the_defaults_hold() -> None:
    """Where no settings are stored, the defaults are in force."""
    assert World().process().relay.instance_settings.cached.get("") == InstanceSettings()


def test_one_set_of_settings_rules() -> None:
    """What is read of a message and where it goes follow the settings that the API changes."""
    relay = World().process().relay
    assert relay.changes.settings is relay.deliveries.settings is relay.instance_settings
