"""Secrets in a Key Vault: the real client against its protocol over TLS."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport

from shared.adapters import keyvault
from shared.adapters.keyvault import KeyVault, fresh
from shared.domain.errors import NotFound, TryLater
from shared.patience import patience
from tests.contracts.vaults import VaultContract
from tests.fakes.key_vault_server import KeyVaultServer, running

SECRET = "s3cret-never-told"


class Credential:
    """Signs in as anybody."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Return a token."""
        return AccessToken("a-token", 4_102_444_800)


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyVaultServer]:
    """Return a vault for all tests of this file."""
    with running(tmp_path_factory.mktemp("vault")) as server:
        yield server


@pytest.fixture
def server(shared_server: KeyVaultServer, monkeypatch: pytest.MonkeyPatch) -> KeyVaultServer:
    """Return the vault, trusted as an operator would make a machine trust it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(shared_server.certificate))
    shared_server.calls.clear()
    return shared_server


@pytest.fixture
def vault(server: KeyVaultServer) -> KeyVault:
    """Return the adapter."""
    return KeyVault(server.url, credential=Credential())


class TestOverTls(VaultContract):
    """Secrets behind the real client."""


def test_each_value_is_a_secret_of_its_own(vault: KeyVault, server: KeyVaultServer) -> None:
    """Two values under one name are two secrets of the vault, since it deletes all versions of one at once."""
    references = [vault.put("oauth2/app_1", SECRET), vault.put("oauth2/app_1", SECRET)]
    names = {reference.partition("/")[0] for reference in references}
    assert len(names) == 2
    assert all(name.startswith("oauth2-app-1-") for name in names)
    assert names <= server.secrets.keys()


def test_a_deleted_name_is_not_used_again(
    vault: KeyVault, server: KeyVaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the vault keeps a deleted secret under a name, the value gets another name."""
    names = iter(["taken", "free"])
    monkeypatch.setattr("shared.adapters.keyvault.fresh", lambda _: next(names))
    server.deleted.add("taken")
    assert vault.put("app", SECRET).startswith("free/")


@pytest.mark.parametrize("name", ["", "a" * 300, "ünïcode / and_more", "-"])
def test_any_name_is_made_one_of_the_vaults(name: str) -> None:
    """A name has the vault's letters and length, and never comes twice."""
    made = fresh(name)
    assert made != fresh(name)
    assert 0 < len(made) <= 127
    assert all(character.isascii() and (character.isalnum() or character == "-") for character in made)


@pytest.mark.parametrize(
    ("status", "code"), [(403, "Forbidden"), (401, "Unauthorized"), (500, "InternalServerError"), (503, "Unavailable")]
)
def test_a_vault_that_refuses_is_asked_later(
    vault: KeyVault, server: KeyVaultServer, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    """A refusal or a failure of the vault is TryLater, and no text tells the secret."""
    # Nothing is gained by the pauses between two tries.
    monkeypatch.setattr(RequestsTransport, "sleep", lambda *_: None)
    reference = vault.put("app", SECRET)
    for call in (lambda: vault.put("app", SECRET), lambda: vault.get(reference), lambda: vault.delete(reference)):
        server.answer_next(status, code, times=4)
        with pytest.raises(TryLater) as told:
            call()
        server.forgive()
        assert SECRET not in f"{told.value!r} {told.value.__cause__!r}"
    assert vault.get(reference) == SECRET


def test_a_throttled_call_is_repeated(vault: KeyVault, server: KeyVaultServer) -> None:
    """One 429 is not noticed; the vault is asked again."""
    reference = vault.put("app", SECRET)
    server.answer_next(429, "Throttled", retry_after=0)
    assert vault.get(reference) == SECRET


def test_the_check_does_not_wait(vault: KeyVault, server: KeyVaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vault that answers anything to a secret nobody stored is healthy; a busy one is told at the first try."""
    monkeypatch.setitem(keyvault._QUICK, "read_timeout", 60)
    vault.check()
    server.calls.clear()
    server.answer_next(503, "Unavailable", retry_after=7)
    with pytest.raises(TryLater) as told:
        vault.check()
    assert told.value.retry_after == timedelta(seconds=7)
    assert len(server.calls) == 1


def test_a_vault_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A closed port is TryLater within a second for the check."""
    with pytest.raises(TryLater, match="cannot be reached"):
        KeyVault("https://127.0.0.1:9", credential=Credential()).check()


def test_nobody_waits_for_a_silent_vault_longer_than_he_has_patience() -> None:
    """A vault that takes connections and never answers is not waited for as long as the client would, and is named."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        vault = KeyVault(f"https://127.0.0.1:{silent.getsockname()[1]}", credential=Credential())
        reference = f"app/{'0' * 32}"
        for call in (lambda: vault.put("app", SECRET), lambda: vault.get(reference), lambda: vault.delete(reference)):
            with patience(timedelta(seconds=0.1)), pytest.raises(TryLater, match="The vault did not answer in time"):
                call()


def test_an_unknown_version_is_not_found(vault: KeyVault) -> None:
    """A reference to another version of a secret that exists is not found."""
    reference = vault.put("app", SECRET)
    with pytest.raises(NotFound):
        vault.get(f"{reference.partition('/')[0]}/{'f' * 32}")
