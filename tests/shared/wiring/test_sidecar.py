"""The sidecar's part: made from fewer settings than the function app's."""

from collections.abc import Callable
from datetime import timedelta

from shared.settings import Settings
from shared.wiring.replacements import Replacements
from shared.wiring.sidecar import sidecar_of


def test_the_sidecar_needs_no_secret_of_the_app(settings: Callable[..., Settings]) -> None:
    """Without the app's keys and token the part is made, with the settings in its own units."""
    part = sidecar_of(
        settings(client_state_keys=None, api_token=None, sidecar_lease_seconds=30, imap_server="mail.example.com:1993"),
        Replacements(),
    )
    assert (part.lease, part.imap_server, part.smtp_server) == (timedelta(seconds=30), ("mail.example.com", 1993), None)


def test_watching_and_serving_use_the_same_grants(settings: Callable[..., Settings]) -> None:
    """A token that watching has asked for serves reads too."""
    part = sidecar_of(settings(), Replacements())
    assert part.watching.grants is part.grants
