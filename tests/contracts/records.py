"""What the stores of single records promise: applications, webhooks, tokens, counts, permits, settings, sightings."""

from datetime import timedelta

import pytest

from shared.domain.errors import Changed
from shared.domain.instance_settings import InstanceSettings
from shared.domain.permits import Permit
from shared.domain.quotas import QuotaUse
from shared.domain.rate_limits import RequestCount
from shared.domain.sightings import Sighting, SightingKey
from shared.ports.deliveries import WebhookStore
from shared.ports.state import (
    InstanceSettingsStore,
    OAuth2AppStore,
    PermitStore,
    QuotaStore,
    RateLimitStore,
    SightingStore,
    TokenStore,
)
from tests.contracts.examples import HOSTILE, app, token, webhook
from tests.fakes.clock import START


class OAuth2AppStoreContract:
    """A subclass gives the fixture `store`."""

    def test_applications_are_kept_in_order(self, store: OAuth2AppStore) -> None:
        """Applications come back as they were, sorted by id, each id once."""
        for name in ("b", "c", "a"):
            store.insert(app(name))
        with pytest.raises(Changed):
            store.insert(app("b", name="Another"))
        assert list(store.all()) == [app("a"), app("b"), app("c")]

    def test_the_last_reader_writes(self, store: OAuth2AppStore) -> None:
        """A write with an ETag that is out of date is refused, and so is one to an application that is gone."""
        store.insert(app())
        read = store.get(app().id)
        assert read is not None
        store.replace(app(name="Contoso Ltd"), read.etag)
        with pytest.raises(Changed):
            store.replace(app(name="Fabrikam"), read.etag)
        now = store.get(app().id)
        assert now is not None
        assert now.value.name == "Contoso Ltd"
        with pytest.raises(Changed):
            store.delete(app().id, read.etag)
        store.delete(app().id, now.etag)
        store.delete(app().id, now.etag)
        store.delete(app().id)
        with pytest.raises(Changed):
            store.replace(now.value, now.etag)
        assert store.get(app().id) is None

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_hostile_id_finds_nothing(self, store: OAuth2AppStore, name: str) -> None:
        """Whatever stands in an id, it names at most its own application."""
        store.insert(app())
        assert store.get(name) is None
        store.delete(name)
        assert list(store.all()) == [app()]


class WebhookStoreContract:
    """A subclass gives the fixture `store`."""

    def test_the_last_reader_writes(self, store: WebhookStore) -> None:
        """An id is taken once, and a write with an ETag that is out of date is refused and changes nothing."""
        assert store.get("default") is None
        store.insert(webhook())
        with pytest.raises(Changed):
            store.insert(webhook(url="https://receiver.example.com/other"))
        read = store.get("default")
        assert read is not None
        assert read.value == webhook()
        store.replace(webhook(url="https://receiver.example.com/new", headers="reference"), read.etag)
        with pytest.raises(Changed):
            store.replace(webhook(disabled="410"), read.etag)
        now = store.get("default")
        assert now is not None
        store.replace(webhook(disabled="410"), now.etag)
        replaced = store.get("default")
        assert replaced is not None
        assert replaced.value == webhook(disabled="410")

    def test_a_webhook_that_is_gone_stays_gone(self, store: WebhookStore) -> None:
        """A write to a removed webhook is refused."""
        store.insert(webhook())
        read = store.get("default")
        assert read is not None
        store.delete("default")
        store.delete("default")
        with pytest.raises(Changed):
            store.replace(read.value, read.etag)
        assert store.get("default") is None

    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_ids_are_ids(self, store: WebhookStore, name: str) -> None:
        """Whatever stands in an id, it names its own webhook."""
        store.insert(webhook(name))
        read = store.get(name)
        assert read is not None
        assert read.value.id == name
        assert store.get(f"{name}.") is None


class TokenStoreContract:
    """A subclass gives the fixture `store`."""

    def test_tokens_come_and_go(self, store: TokenStore) -> None:
        """Tokens come back as they were, sorted by id; a removal tells whether there was one."""
        tokens = [token(f"{number:064x}", metadata="{}") for number in (10, 11, 12)]
        assert store.delete(tokens[0].id) is False
        for each in reversed(tokens):
            store.insert(each)
        assert store.get(tokens[1].id) == tokens[1]
        assert list(store.all()) == tokens
        assert store.delete(tokens[1].id) is True
        assert store.delete(tokens[1].id) is False
        assert store.get(tokens[1].id) is None
        assert list(store.all()) == [tokens[0], tokens[2]]

    def test_a_repeated_insert_is_one_token(self, store: TokenStore) -> None:
        """Inserting again after a lost answer succeeds."""
        store.insert(token())
        store.insert(token())
        assert list(store.all()) == [token()]

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_hostile_id_finds_nothing(self, store: TokenStore, name: str) -> None:
        """Whatever stands in an id, it opens and removes nothing."""
        store.insert(token())
        assert store.get(name) is None
        assert store.delete(name) is False
        assert list(store.all()) == [token()]


class InstanceSettingsStoreContract:
    """A subclass gives the fixture `store`."""

    def test_settings_are_written_once_then_replaced(self, store: InstanceSettingsStore) -> None:
        """The first write wins; later ones need what they replace."""
        assert store.get() is None
        store.insert(InstanceSettings(service_url="https://relay.example.com"))
        with pytest.raises(Changed):
            store.insert(InstanceSettings())
        read = store.get()
        assert read is not None
        assert read.value == InstanceSettings(service_url="https://relay.example.com")
        store.replace(InstanceSettings(notify_text=False), read.etag)
        with pytest.raises(Changed):
            store.replace(InstanceSettings(), read.etag)
        now = store.get()
        assert now is not None
        assert now.value == InstanceSettings(notify_text=False)


class SightingStoreContract:
    """A subclass gives the fixture `store`."""

    def test_the_last_sighting_counts(self, store: SightingStore) -> None:
        """A sighting is overwritten as a whole, flags and labels too."""
        key = SightingKey(day="20260302", name="abc_-")
        assert store.get(key) is None
        labels = ("Red, or", 'a "quote"', "Ärger")
        first = Sighting(folder="inbox", flags=("\\Seen",), labels=labels, late=True, owner="key-1")
        store.put({key: first})
        assert store.get(key) == first
        second = Sighting(folder="archive", flags=(), labels=())
        store.put({key: second})
        assert store.get(key) == second

    def test_many_sightings_of_several_days(self, store: SightingStore) -> None:
        """Any number of sightings of any days is stored at once."""
        sightings = {
            SightingKey(day=f"202603{1 + number % 2:02}", name=f"name-{number}"): Sighting(
                folder=f"folder-{number}", flags=(), labels=()
            )
            for number in range(210)
        }
        store.put(sightings)
        assert [store.get(key) for key in sightings] == list(sightings.values())

    def test_nothing_is_stored_for_nothing(self, store: SightingStore) -> None:
        """An empty mapping is fine."""
        store.put({})


class QuotaStoreContract:
    """A subclass gives the fixture `store`."""

    def test_the_last_reader_writes(self, store: QuotaStore) -> None:
        """What is used is written once for the first time, and then only by whoever read what is there."""
        assert store.get("global/app/write") is None
        store.insert("global/app/write", QuotaUse(window=1, used={"tenant": 3}))
        with pytest.raises(Changed):
            store.insert("global/app/write", QuotaUse())
        read = store.get("global/app/write")
        assert read is not None
        store.replace("global/app/write", QuotaUse(window=1, used={"tenant": 4}), read.etag)
        with pytest.raises(Changed):
            store.replace("global/app/write", QuotaUse(window=1, used={"tenant": 9}), read.etag)
        now = store.get("global/app/write")
        assert now is not None
        assert now.value == QuotaUse(window=1, used={"tenant": 4})
        assert store.get("global/app/list") is None


class RateLimitStoreContract:
    """A subclass gives the fixture `store`."""

    def test_the_last_reader_writes(self, store: RateLimitStore) -> None:
        """A count is written once for the first time, and then by whoever read or wrote what is there."""
        assert store.get("a") is None
        first = store.insert("a", RequestCount(window=1, taken=1))
        with pytest.raises(Changed):
            store.insert("a", RequestCount())
        second = store.replace("a", RequestCount(window=1, taken=2), first.etag)
        with pytest.raises(Changed):
            store.replace("a", RequestCount(window=1, taken=9), first.etag)
        assert store.get("a") == second
        assert store.get("b") is None

    def test_a_count_goes_once(self, store: RateLimitStore) -> None:
        """A count that is removed is gone, a second removal does nothing, and nobody writes over it."""
        kept = store.insert("a", RequestCount())
        store.delete("a")
        store.delete("a")
        assert store.get("a") is None
        with pytest.raises(Changed):
            store.replace("a", kept.value, kept.etag)


class PermitStoreContract:
    """A subclass gives the fixture `store`."""

    def test_each_place_has_one_holder(self, store: PermitStore) -> None:
        """A place is taken once; the permits of a mailbox come back as they were, and no others."""
        assert store.of("ada") == []
        kept = [store.insert(permit(place=place)) for place in (1, 0)]
        store.insert(permit("eve"))
        with pytest.raises(Changed):
            store.insert(permit(holder="another"))
        assert store.of("ada") == [kept[1], kept[0]]
        assert [stored.value for stored in store.of("ada")] == [permit(place=0), permit(place=1)]

    def test_the_first_of_two_that_take_over_wins(self, store: PermitStore) -> None:
        """A permit goes to who replaces it first, who can renew it with the ETag that he got."""
        read = store.insert(permit())
        taken = store.replace(permit(holder="second"), read.etag)
        with pytest.raises(Changed):
            store.replace(permit(holder="third"), read.etag)
        renewed = store.replace(permit(holder="second", until=START + timedelta(hours=1)), taken.etag)
        assert store.of("ada") == [renewed]

    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_mailboxes_are_mailboxes(self, store: PermitStore, name: str) -> None:
        """Whatever stands in a mailbox's name, its permits are its own."""
        store.insert(permit(name))
        assert [stored.value.mailbox for stored in store.of(name)] == [name]
        assert store.of(f"{name}.") == []


def permit(mailbox: str = "ada", /, **changes: object) -> Permit:
    """Return a permit."""
    values = {"mailbox": mailbox, "place": 0, "holder": "first", "until": START}
    return Permit.model_validate({**values, **changes})
