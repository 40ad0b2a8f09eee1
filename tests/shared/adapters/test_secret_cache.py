"""Secrets in memory: few calls to the vault, and none that mail waits for in vain."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event

import pytest

from shared.adapters.secret_cache import SecretCache
from shared.domain.errors import NotFound, TryLater
from shared.patience import patience
from tests.contracts.vaults import VaultContract
from tests.fakes.clock import FakeClock
from tests.fakes.faults import Faulty
from tests.fakes.vault import FakeVault

MINUTE = timedelta(minutes=1)


class TestOverAVault(VaultContract):
    """A cache is a vault."""

    @pytest.fixture
    def vault(self) -> SecretCache:
        """Return the cache."""
        return SecretCache(FakeVault(), FakeClock())


@pytest.fixture
def clock() -> FakeClock:
    """Return the clock."""
    return FakeClock()


@pytest.fixture
def faulty() -> Faulty[FakeVault]:
    """Return the vault behind the cache."""
    return Faulty(FakeVault())


@pytest.fixture
def cache(faulty: Faulty[FakeVault], clock: FakeClock) -> SecretCache:
    """Return a cache of five minutes."""
    return SecretCache(faulty.port, clock, 5 * MINUTE)


def test_a_secret_is_asked_for_once_in_five_minutes(
    cache: SecretCache, faulty: Faulty[FakeVault], clock: FakeClock
) -> None:
    """What was written or read is served from memory until it is five minutes old."""
    written = cache.put("app", "one")
    foreign = faulty.inner.put("app", "two")
    assert [cache.get(written), cache.get(foreign), cache.get(foreign)] == ["one", "two", "two"]
    assert faulty.inner.reads == 1
    clock.advance(5 * MINUTE)
    assert [cache.get(written), cache.get(foreign)] == ["one", "two"]
    assert faulty.inner.reads == 3


def test_an_old_secret_serves_while_the_vault_is_silent(
    cache: SecretCache, faulty: Faulty[FakeVault], clock: FakeClock
) -> None:
    """While the vault does not answer, the known secret is served, and the vault is asked twice a minute."""
    reference = cache.put("app", "one")
    clock.advance(60 * MINUTE)
    faulty.fail("get", TryLater("busy"), times=2)
    assert [cache.get(reference) for _ in range(3)] == ["one"] * 3
    clock.advance(timedelta(seconds=30))
    assert cache.get(reference) == "one"
    assert faulty.inner.reads == 0
    clock.advance(timedelta(seconds=30))
    assert cache.get(reference) == "one"
    assert faulty.inner.reads == 1


def test_an_unknown_secret_is_not_made_up(cache: SecretCache, faulty: Faulty[FakeVault]) -> None:
    """Where nothing is known yet, a silent vault is told, and the next call asks again."""
    reference = faulty.inner.put("app", "one")
    faulty.fail("get", TryLater("busy"))
    with pytest.raises(TryLater):
        cache.get(reference)
    assert cache.get(reference) == "one"


def test_a_removed_secret_is_gone_from_memory(cache: SecretCache, faulty: Faulty[FakeVault], clock: FakeClock) -> None:
    """A secret deleted here is forgotten at once, even where the vault fails; one deleted elsewhere, when noticed."""
    reference = cache.put("app", "one")
    faulty.fail("delete", TryLater("busy"), after=True)
    with pytest.raises(TryLater):
        cache.delete(reference)
    with pytest.raises(NotFound):
        cache.get(reference)
    elsewhere = cache.put("app", "two")
    faulty.inner.delete(elsewhere)
    assert cache.get(elsewhere) == "two"
    clock.advance(5 * MINUTE)
    faulty.fail("get", NotFound("removed"))
    faulty.fail("get", TryLater("busy"))
    with pytest.raises(NotFound):
        cache.get(elsewhere)
    with pytest.raises(TryLater):
        cache.get(elsewhere)


class SlowVault(FakeVault):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = Event()
        self.answer = Event()

    def get(self, reference: str) -> str:
        """Return the secret as it was when it was asked for."""
        secret = super().get(reference)
        self.asked.set()
        assert self.answer.wait(60)
        return secret


def test_callers_share_one_call(clock: FakeClock) -> None:
    """Eight threads that miss one secret together make one call; another secret does not wait for it."""
    vault = SlowVault()
    cache = SecretCache(vault, clock)
    reference, known = vault.put("app", "one"), cache.put("app", "two")
    barrier = Barrier(9)

    def get() -> str:
        barrier.wait()
        return cache.get(reference)

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(get) for _ in range(8)]
        barrier.wait()
        assert vault.asked.wait(60)
        assert cache.get(known) == "two"
        vault.answer.set()
        assert [each.result(60) for each in waiting] == ["one"] * 8
    assert vault.reads == 1


def test_a_call_is_not_shared_without_end(clock: FakeClock) -> None:
    """Whoever has patience gives up the call that another thread makes, and that thread goes on."""
    vault = SlowVault()
    cache = SecretCache(vault, clock)
    reference = vault.put("app", "one")
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(cache.get, reference)
        assert vault.asked.wait(60)
        with patience(timedelta(milliseconds=10)), pytest.raises(TryLater, match="The vault did not answer in time"):
            cache.get(reference)
        vault.answer.set()
        assert reading.result(60) == "one"


def test_a_secret_deleted_while_it_is_read_is_not_remembered(clock: FakeClock) -> None:
    """A read that a deletion overtakes answers its caller and leaves nothing in memory."""
    vault = SlowVault()
    cache = SecretCache(vault, clock)
    reference = vault.put("app", "one")
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(cache.get, reference)
        assert vault.asked.wait(60)
        cache.delete(reference)
        vault.answer.set()
        assert reading.result(60) == "one"
    with pytest.raises(NotFound):
        cache.get(reference)


def test_a_secret_read_while_it_is_deleted_is_not_remembered(clock: FakeClock) -> None:
    """Who asks before the vault has removed the secret gets it, and nobody after the removal does."""

    class Slow(FakeVault):
        """Is asked for a secret just before it removes it."""

        def delete(self, reference: str) -> None:
            """Forget the secret, a little late."""
            assert cache.get(reference) == "secret"
            super().delete(reference)

    cache = SecretCache(Slow(), clock)
    reference = cache.put("name", "secret")
    cache.delete(reference)
    with pytest.raises(NotFound):
        cache.get(reference)


def test_a_secret_is_not_shown(cache: SecretCache) -> None:
    """What is held in memory does not tell its secret when it is printed."""
    cache.put("app", "s3cret-never-told")
    assert "s3cret" not in repr(cache._held)
