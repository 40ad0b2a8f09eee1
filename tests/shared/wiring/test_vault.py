"""The vault: Azure's where it is named, else a file, and in tests what they bring."""

from collections.abc import Callable

import pytest

from shared.adapters.keyvault import KeyVault
from shared.adapters.vault_file import FileVault
from shared.settings import Settings
from shared.wiring.vault import vault_of
from tests.fakes.clock import FakeClock
from tests.fakes.vault import FakeVault


@pytest.mark.parametrize(
    ("named", "kind"),
    [({}, FileVault), ({"vault_file": None, "key_vault_url": "https://relay.vault.azure.net"}, KeyVault)],
    ids=["file", "azure"],
)
def test_health_looks_at_the_vault_that_is_named(
    settings: Callable[..., Settings], named: dict[str, str | None], kind: type
) -> None:
    """Whichever vault the settings name, it is that one which health looks at."""
    _, (dependency,) = vault_of(settings(**named), FakeClock(), None)
    assert isinstance(dependency, kind)


def test_a_test_brings_a_vault(settings: Callable[..., Settings]) -> None:
    """A vault that is given is used, and health has nothing to look at."""
    given = FakeVault()
    vault, dependencies = vault_of(settings(), FakeClock(), given)
    assert (given.get(vault.put("name", "value")), dependencies) == ("value", [])
