"""The instance's settings: changed field by field, with secrets that rotate without breaking a receiver."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from shared.domain.errors import Changed, InvalidRequest
from shared.domain.instance_settings import InstanceSettings, InstanceSettingsChange, InstanceSettingsQuery
from shared.ports.records import Stored
from tests.factories import HOOK
from tests.fakes.faults import Faulty
from tests.shared.services.world import SERVICE_SECRET, Died, Fate, Process, World

GUARDED = "https://relay:hunter2@own.example.com/hook"
NEW_SECRET = "new-secret-of-the-instance"
EVERYTHING = InstanceSettingsQuery(**dict.fromkeys(InstanceSettingsQuery.model_fields, True))


def change(process: Process, **changes: Any) -> list[str]:
    """Change settings, named as the API names them."""
    return process.settings.change(InstanceSettingsChange.model_validate(changes))


def test_a_change_leaves_the_rest(world: World, process: Process) -> None:
    """What a change does not name stays; the names of what changed are returned as the API spells them."""
    before = world.instance.get()
    assert change(process, notifyText=False, inboxNewOnly=True) == ["inboxNewOnly", "notifyText"]
    after = world.instance.get()
    assert before is not None
    assert after is not None
    assert after.value == before.value.model_copy(update={"notify_text": False, "inbox_new_only": True})


def test_null_unsets(process: Process) -> None:
    """A setting that is null falls back to its default."""
    change(process, notifyTextSize=7)
    change(process, notifyTextSize=None, webhookEvents=None)
    assert process.settings.current().notify_text_size == InstanceSettings().notify_text_size
    assert process.settings.current().webhook_events == ()


def test_a_change_is_seen_at_once_here_and_soon_elsewhere(world: World, process: Process) -> None:
    """A process sees its own change at once, another one within ten seconds."""
    other = world.process()
    assert other.settings.current().notify_text
    change(process, notifyText=False)
    assert not process.settings.current().notify_text
    world.clock.advance(timedelta(seconds=10))
    assert not other.settings.current().notify_text


def test_the_default_webhook_follows(world: World, process: Process) -> None:
    """URL and headers of the default webhook are set independently; a new URL enables it again."""
    world.hook("default", HOOK, disabled="The endpoint answered 410 Gone.")
    change(process, webhooksCustomHeaders=[{"key": "Authorization", "value": "Bearer of the customer"}])
    change(process, webhooks="https://new.example.com/hook")
    stored = world.webhooks.get("default")
    assert stored is not None
    assert (stored.value.url, stored.value.disabled) == ("https://new.example.com/hook", None)
    assert world.vault.get(stored.value.headers or "") == '{"Authorization": "Bearer of the customer"}'
    change(process, webhooks=None)
    stored = world.webhooks.get("default")
    assert stored is not None
    assert stored.value.url == ""


def test_what_was_shown_can_be_sent_back(world: World, process: Process) -> None:
    """A client that reads and writes all back keeps the secrets of URL and headers that it was shown as stars."""
    change(process, webhooks=GUARDED, webhooksCustomHeaders=[{"key": "Authorization", "value": "Bearer xyz"}])
    shown = process.settings.show(EVERYTHING)
    assert shown["webhooks"] == "https://******@own.example.com/hook"
    change(process, webhooks=shown["webhooks"], webhooksCustomHeaders=shown["webhooksCustomHeaders"])
    stored = world.webhooks.get("default")
    assert stored is not None
    assert (stored.value.url, process.settings.current().webhooks) == (GUARDED, GUARDED)
    assert world.vault.get(stored.value.headers or "") == '{"Authorization": "Bearer xyz"}'


def test_stars_for_nothing_are_refused(process: Process) -> None:
    """Stars in the place of a header that is not kept are a wrong field, and nothing changes."""
    with pytest.raises(InvalidRequest) as refused:
        change(process, notifyText=False, webhooksCustomHeaders=[{"key": "X-New", "value": "******"}])
    assert [problem.key for problem in refused.value.problems] == ["webhooksCustomHeaders.0.value"]
    assert process.settings.current().notify_text


def test_a_plain_webhook_is_refused(world: World, process: Process) -> None:
    """A webhook without TLS is refused where the deployment does not allow it, and nothing changes."""
    with pytest.raises(InvalidRequest):
        change(process, webhooks="http://plain.example.com/hook", notifyText=False)
    assert process.settings.current().notify_text


def test_the_deployment_names_the_address(world: World) -> None:
    """Where nobody set a service URL, the deployment's own serves; one that is set comes first."""
    world.set(service_url=None)
    service = replace(world.process().settings, public_url="https://relay.azurewebsites.net")
    assert service.current().service_url == "https://relay.azurewebsites.net"
    service.change(InstanceSettingsChange(service_url="https://relay.example.com"))
    assert service.current().service_url == "https://relay.example.com"


def test_a_former_secret_signs_for_a_day(world: World, process: Process) -> None:
    """After a rotation the new secret comes first and the former one signs beside it for 24 hours."""
    change(process, serviceSecret=NEW_SECRET)
    assert process.settings.secrets() == [NEW_SECRET, SERVICE_SECRET]
    world.clock.advance(timedelta(hours=23, minutes=59))
    assert process.settings.secrets() == [NEW_SECRET, SERVICE_SECRET]
    world.clock.advance(timedelta(minutes=2))
    assert process.settings.secrets() == [NEW_SECRET]


def test_a_second_rotation_does_not_lengthen_the_first(world: World, process: Process) -> None:
    """A secret that is on its way out keeps its last moment, whatever comes after it."""
    change(process, serviceSecret=NEW_SECRET)
    world.clock.advance(timedelta(hours=20))
    change(process, serviceSecret="newest-secret")
    assert process.settings.secrets() == ["newest-secret", NEW_SECRET, SERVICE_SECRET]
    world.clock.advance(timedelta(hours=5))
    assert process.settings.secrets() == ["newest-secret", NEW_SECRET]


@pytest.mark.parametrize("changes", [{"serviceSecret": NEW_SECRET}, {}])
def test_former_secrets_can_end_at_once(world: World, process: Process, changes: dict[str, Any]) -> None:
    """Without grace, at the change or after it, the newest secret signs alone: here now, elsewhere in 10 seconds."""
    other = world.process()
    for value in ("leaked-secret", NEW_SECRET):
        change(process, serviceSecret=value)
    assert other.settings.secrets() == [NEW_SECRET, "leaked-secret", SERVICE_SECRET]
    change(process, **changes, serviceSecretGrace=False)
    assert process.settings.secrets() == [NEW_SECRET]
    world.clock.advance(timedelta(seconds=10))
    assert other.settings.secrets() == [NEW_SECRET]


def test_grace_alone_is_nothing_to_do(world: World, process: Process) -> None:
    """Who grants the grace that there is, or ends what nobody ever made, changes no secret."""
    before = world.instance.get()
    change(process, serviceSecretGrace=True)
    after = world.instance.get()
    assert (before and before.value) == (after and after.value)
    unsigned = World().process()
    change(unsigned, serviceSecretGrace=False)
    assert not unsigned.settings.current().secrets


def test_the_same_secret_again_is_one(process: Process) -> None:
    """A secret that is set twice signs once."""
    change(process, serviceSecret=SERVICE_SECRET)
    assert process.settings.secrets() == [SERVICE_SECRET]


def test_the_first_secret_is_made_once() -> None:
    """Two processes that both find no secret sign with the same one."""
    world, barrier = World(), Barrier(2, timeout=60)

    class Raced:
        """Answers both readers before either writes."""

        def __init__(self) -> None:
            self.readings = 0

        def get(self) -> Stored[InstanceSettings] | None:
            found = world.instance.get()
            self.readings += 1
            if self.readings == 2:  # the first reading is the lookup's, the second the one before the write
                barrier.wait()
            return found

        def __getattr__(self, name: str) -> Any:
            return getattr(world.instance, name)

    def secrets(_: int) -> list[str]:
        raced = Raced()
        return world.process(lambda port: raced if port is world.instance else port).settings.secrets()

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(secrets, range(2))
    assert first == second
    assert world.process().settings.secrets() == first


def test_changes_at_once_both_stay(world: World) -> None:
    """Two changes of different settings at the same time both take effect."""
    wanted = [{"notifyText": False}, {"inboxNewOnly": True}] * 4
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda changes: change(world.process(), **changes), wanted))
    current = world.process().settings.current()
    assert (current.notify_text, current.inbox_new_only) == (False, True)


def test_secrets_are_shown_nowhere(world: World, process: Process) -> None:
    """Of secret and headers the API tells that they are set; rows and log do not know them."""
    change(process, serviceSecret=NEW_SECRET, webhooksCustomHeaders=[{"key": "Authorization", "value": "Bearer xyz"}])
    shown = process.settings.show(EVERYTHING)
    assert shown["serviceSecret"] is True
    assert shown["webhooksCustomHeaders"] == [{"key": "Authorization", "value": "******"}]
    seen = repr([shown, world.instance.get(), world.webhooks.get("default"), world.log.lines])
    assert NEW_SECRET not in seen
    assert "Bearer xyz" not in seen


def test_what_signs_no_more_leaves_the_vault(world: World, process: Process) -> None:
    """Two nights after a rotation the vault holds the new secret alone, in one entry, and it signs on."""
    change(process, serviceSecret=NEW_SECRET)
    assert process.settings.forget_secrets() == 0
    assert process.settings.secrets() == [NEW_SECRET, SERVICE_SECRET]
    for _ in range(2):
        world.clock.advance(timedelta(hours=24))
        world.process().settings.forget_secrets()
        assert world.process().settings.secrets() == [NEW_SECRET]
    held = [secret for secret in world.vault.secrets.values() if NEW_SECRET in secret or SERVICE_SECRET in secret]
    assert len(held) == 1
    assert SERVICE_SECRET not in held[0]
    assert world.process().settings.forget_secrets() == 0


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 9))
def test_a_crash_at_night_leaves_secrets_that_sign(world: World, at: int, *, after: bool) -> None:
    """Whenever the process dies that tidies the vault, the new secret signs, and the next nights find the rest."""
    change(world.process(), serviceSecret=NEW_SECRET)
    for through in (Fate(at=at, after=after).over, lambda port: port, lambda port: port):
        world.clock.advance(timedelta(hours=25))
        with suppress(Died):
            world.process(through).settings.forget_secrets()
        assert world.process().settings.secrets() == [NEW_SECRET]
    assert not any(SERVICE_SECRET in secret for secret in world.vault.secrets.values())


def test_a_secret_whose_answer_was_lost_stays(world: World) -> None:
    """Where a write happens and only its answer is lost, it looks like a lost race; what the row names stays."""
    lost = Faulty(world.instance)
    process = world.process(lambda port: lost.port if port is world.instance else port)
    world.set(secrets=None)
    lost.fail("replace", Changed("It was written a moment ago."), after=True)
    first = process.settings.secrets()
    lost.fail("replace", Changed("It was written a moment ago."), after=True)
    change(process, serviceSecret=NEW_SECRET)
    assert process.settings.secrets() == [NEW_SECRET, *first]
    world.clock.advance(timedelta(days=1, seconds=1))
    lost.fail("replace", Changed("It was written a moment ago."), after=True)
    process.settings.forget_secrets()
    assert world.process().settings.secrets() == [NEW_SECRET]


def test_a_race_leaves_no_secret_behind(world: World) -> None:
    """A rotation that somebody else's change comes before is written again, and its first entry is forgotten."""
    raced = Faulty(world.instance)
    raced.fail("replace", Changed("Somebody was faster."))
    process = world.process(lambda port: raced.port if port is world.instance else port)
    before = len(world.vault.secrets)
    change(process, serviceSecret=NEW_SECRET)
    assert len(world.vault.secrets) == before + 1
    assert process.settings.secrets() == [NEW_SECRET, SERVICE_SECRET]
