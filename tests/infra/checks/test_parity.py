"""Bicep and Terraform cannot drift apart."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import parity


def test_both_make_the_same(root: Path) -> None:
    """Both make the same resources, names, parameters and settings, from the same tables, queues, roles and alerts."""
    assert parity.problems(root / "infra") == []


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
        (("terraform/vault.tf", '"kv-${var.name}"', '"vault-${var.name}"'), "'kv-NAME' is made by Bicep and not by"),
        (("terraform/vault.tf", '"API-TOKEN"', '"APITOKEN"'), "'APITOKEN' is made by Terraform and not"),
        (("modules/identity.bicep", "-sidecar'", "-side'"), "'id-NAME-sidecar' is made by Terraform"),
        (
            ("modules/budget.bicep", "Consumption/budgets", "Consumption/budget"),
            "budget has no counterpart",
        ),
        (
            ("terraform/registry.tf", 'resource "azurerm_container_registry"', 'resource "azurerm_dns_zone"'),
            "azurerm_dns",
        ),
        (("main.bicep", "param natGateway bool", "param gateway bool"), "parameter 'gateway' is known to Bicep alone"),
        (
            ("terraform/variables.tf", '"sidecar_settings"', '"settings_of_sidecar"'),
            "'sidecar_settings' is known to Bicep",
        ),
        (
            ("terraform/variables.tf", "default     = 2048", "default     = 512"),
            "'instance_memory_mb' is 2048",
        ),
        (("terraform/function_app.tf", "    KEY_VAULT_URL ", "    KEY_VAULT "), "setting 'KEY_VAULT_URL' of the app"),
        (("modules/sidecar.bicep", "{ name: 'KEY_VAULT_URL'", "{ name: 'VAULT'"), "setting 'VAULT' of the sidecar"),
        (("terraform/versions.tf", '"Microsoft.App",', ""), "Microsoft.App is not registered"),
        (("modules/roles.bicep", "'../roles.json'", "'../role.json'"), "Bicep does not read roles.json"),
        (("terraform/main.tf", "/../storage.json", "/../stores.json"), "Terraform does not read storage.json"),
    ],
)
def test_planted_differences_are_found(plant: Callable[..., Path], slip: tuple[str, str, str], problem: str) -> None:
    """What one has and the other has not is told."""
    assert [each for each in parity.problems(plant(*slip)) if problem in each]
