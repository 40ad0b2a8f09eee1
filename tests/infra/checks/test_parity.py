"""Bicep and Terraform cannot drift apart."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import parity


def test_both_make_the_same(root: Path) -> None:
    """Both make the same resources, names, tags and logs, from the same tables, queues, roles and alerts."""
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
        (("terraform/versions.tf", '"Microsoft.App",', ""), "Microsoft.App is not registered"),
        (("providers.sh", " KeyVault ", " "), "Microsoft.KeyVault is not registered by providers.sh"),
        (
            ("terraform/vault.tf", "  tags                       = local.tags\n", ""),
            "azurerm_key_vault has tags in Bicep",
        ),
        (("terraform/vault.tf", '"AuditEvent"', '"Audit"'), "the log Audit is sent by Terraform alone"),
        (("modules/roles.bicep", "'../roles.json'", "'../role.json'"), "Bicep does not read roles.json"),
        (("terraform/main.tf", "/../storage.json", "/../stores.json"), "Terraform does not read storage.json"),
        (("modules/network.bicep", "10.36.1.0", "10.36.0.0"), "10.36.0.0/24, 10.36.2.0/24 overlap"),
        (("terraform/network.tf", "10.36.2.0", "10.37.2.0"), "are not in 10.36.0.0/16"),
        (("terraform/vault.tf", "= local.location", '= "westeurope"'), 'something is at "westeurope"'),
    ],
)
def test_planted_differences_are_found(plant: Callable[..., Path], slip: tuple[str, str, str], problem: str) -> None:
    """What one has and the other has not is told."""
    assert [each for each in parity.problems(plant(*slip)) if problem in each]
