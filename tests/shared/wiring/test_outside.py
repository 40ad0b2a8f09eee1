"""The whole outside: what the settings name, and what a test puts before it."""

from collections.abc import Callable

from shared.settings import Settings
from shared.wiring.outside import outside_of
from shared.wiring.replacements import Replacements
from tests.fakes.webhooks import FakeWebhookSender


def test_health_looks_at_storage_vault_and_sidecar(settings: Callable[..., Settings]) -> None:
    """What health looks at is what the settings name."""
    outside = outside_of(settings(sidecar_url="http://127.0.0.1:1", sidecar_key="k" * 32), Replacements())
    assert [dependency.name for dependency in outside.dependencies] == ["storage", "vault", "sidecar"]


def test_a_test_replaces_one_port(settings: Callable[..., Settings]) -> None:
    """What a test brings stands behind its port, and behind the others what is real."""
    sender = FakeWebhookSender()
    outside = outside_of(settings(), Replacements(sender=sender))
    assert outside.sender is sender
    assert type(outside.endpoint).__name__ == "HttpEndpointProbe"
