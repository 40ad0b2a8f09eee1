"""Webhooks: who sets one half of an endpoint takes nothing of what others write to it at the same moment."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import Changed
from shared.domain.registrations import AccountChange
from shared.domain.webhooks import Webhook
from shared.ports.deliveries import WebhookStore
from shared.ports.records import Stored
from shared.services.webhooks import Webhooks
from tests.fakes.faults import Faulty
from tests.fakes.stores import FakeWebhookStore
from tests.shared.services.world import OWN, Process, World

NAME = "webhook-headers"
NEW = "https://new.example.com/hook"


class Interrupted(FakeWebhookStore):
    """Webhooks; `meanwhile` is what another process does right after the next read."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def get(self, webhook: str) -> Stored[Webhook] | None:
        """Return the webhook, and let the other process act."""
        found = super().get(webhook)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return found


@pytest.fixture
def store(world: World) -> Interrupted:
    """Return the webhooks of all processes."""
    world.webhooks = Interrupted()
    world.hook("own", OWN)
    return world.webhooks


@pytest.fixture
def webhooks(store: Interrupted, process: Process) -> Webhooks:
    """Return the use case; it remembers nothing."""
    former = process.accounts.webhooks
    return Webhooks(store, former.lookup, former.replays, former.vault, former.machine)


def change(process: Webhooks, **said: Any) -> None:
    """Set the endpoint."""
    named = AccountChange.model_validate(said)
    process.set("own", named, url=named.webhooks, name=NAME)


def with_headers(webhooks: Webhooks, value: str) -> None:
    """Set the endpoint's header."""
    change(webhooks, webhooksCustomHeaders=[{"key": "Authorization", "value": value}])


def kept(world: World) -> list[str]:
    """Return the headers that the vault keeps."""
    return [secret for name, secret in world.vault.secrets.items() if name.startswith(NAME)]


def now(store: Interrupted) -> Webhook:
    """Return the endpoint."""
    stored = store.get("own")
    assert stored is not None
    return stored.value


def test_a_url_that_is_set_beside_headers_stays(store: Interrupted, webhooks: Webhooks) -> None:
    """Who sets headers while another sets the URL does not bring the former URL back."""
    store.meanwhile = lambda: change(webhooks, webhooks=NEW)
    with_headers(webhooks, "one")
    assert (now(store).url, now(store).headers is None) == (NEW, False)


def test_an_endpoint_that_is_disabled_beside_headers_stays_so(store: Interrupted, webhooks: Webhooks) -> None:
    """Who sets headers while an attempt is answered with 410 does not enable the endpoint again."""

    def disable() -> None:
        stored = store.get("own")
        assert stored is not None
        store.replace(stored.value.model_copy(update={"disabled": "410"}), stored.etag)

    store.meanwhile = disable
    with_headers(webhooks, "one")
    assert now(store).disabled == "410"


def test_headers_that_lost_leave_the_vault(world: World, store: Interrupted, webhooks: Webhooks) -> None:
    """Of headers that are set at once the last stay, and the vault keeps no others."""
    store.meanwhile = lambda: with_headers(webhooks, "one")
    with_headers(webhooks, "two")
    assert kept(world) == ['{"Authorization": "two"}']


def test_stars_stand_for_the_headers_that_are_there_by_then(
    world: World, store: Interrupted, webhooks: Webhooks
) -> None:
    """Where the headers of the row that was read are gone from the vault, those that took their place are read."""
    with_headers(webhooks, "one")
    store.meanwhile = lambda: with_headers(webhooks, "two")
    with_headers(webhooks, "******")
    assert kept(world) == ['{"Authorization": "two"}']


def test_headers_whose_answer_was_lost_stay(world: World, store: Interrupted, webhooks: Webhooks) -> None:
    """Where a write happens and only its answer is lost, the endpoint has its headers all the same."""
    lost = Faulty[WebhookStore](store)
    lost.fail("replace", Changed("It was written a moment ago."), after=True)
    with_headers(webhooks, "one")
    with_headers(replace(webhooks, store=lost.port), "******")
    assert world.vault.get(now(store).headers or "") == '{"Authorization": "one"}'
    assert kept(world) == ['{"Authorization": "one"}']


def test_headers_that_the_vault_lost_are_set_anew(world: World, store: Interrupted, webhooks: Webhooks) -> None:
    """Headers whose secret somebody removed from the vault can be set again."""
    with_headers(webhooks, "one")
    world.vault.delete(now(store).headers or "")
    with_headers(webhooks, "two")
    assert kept(world) == ['{"Authorization": "two"}']
