"""The vault in memory keeps the promises of the real one."""

import pytest

from shared.ports.vault import Vault
from tests.contracts.vaults import VaultContract
from tests.fakes.vault import FakeVault


class TestVault(VaultContract):
    """Secrets in memory."""

    @pytest.fixture
    def vault(self) -> Vault:
        """Return the vault."""
        return FakeVault()
