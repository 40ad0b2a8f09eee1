"""The vault that the settings name: Azure's, or on one machine a file."""

from collections.abc import Sequence
from pathlib import Path

from shared.adapters.secret_cache import SecretCache
from shared.ports.machine import Clock, Dependency
from shared.ports.vault import Vault
from shared.settings import Settings


def vault_of(settings: Settings, clock: Clock, given: Vault | None) -> tuple[Vault, Sequence[Dependency]]:
    """Returns the vault, or *given* in its place, remembered for a while, and what health looks at."""
    if given is not None:
        return SecretCache(given, clock), []
    if settings.key_vault_url is not None:
        from shared.adapters.keyvault import KeyVault  # noqa: PLC0415  the one that is not named need not load

        azure = KeyVault(settings.key_vault_url, client_id=settings.storage_client_id)
        return SecretCache(azure, clock), [azure]
    from shared.adapters.vault_file import FileVault  # noqa: PLC0415  the same

    key = settings.vault_file_key.get_secret_value() if settings.vault_file_key else None
    file = FileVault(Path(settings.vault_file or ""), key)
    return SecretCache(file, clock), [file]
