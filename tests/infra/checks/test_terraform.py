"""What is wrong with a Terraform file is found by Terraform itself, without its registry."""

from collections.abc import Callable
from pathlib import Path

from infra.checks import terraform


def test_our_files_are_right(root: Path) -> None:
    """Terraform finds nothing wrong with the files of this repository."""
    assert terraform.problems(root / "infra") == []


def test_wrong_arguments_are_found(copy: Path, plant: Callable[..., Path]) -> None:
    """An argument that is unknown, missing or of another type is told with its line, and layout is settled."""
    plant("terraform/vault.tf", "purge_protection_enabled ", "purge_protectionn_enabled ")
    plant("terraform/storage.tf", "storage_account_id = azurerm_storage_account.relay.id\n}", "}")
    plant("terraform/alerts.tf", "failing_periods {", "failing_period {")
    plant("terraform/monitoring.tf", "= var.log_retention_days", '= "long"')
    told = "\n".join(terraform.problems(copy))
    assert "vault.tf wants formatting" in told
    assert 'Did you mean "purge_protection_enabled"?' in told
    assert 'The argument "storage_account_id" is required' in told
    assert 'Blocks of type "failing_period" are not expected here' in told
    assert "monitoring.tf:9: " in told


def test_wrong_references_are_found(copy: Path, plant: Callable[..., Path]) -> None:
    """What refers to an attribute, a resource or a variable that is not there is told."""
    plant("terraform/sidecar.tf", "azurerm_key_vault.relay.vault_uri", "azurerm_key_vault.relay.vault_urii")
    plant("terraform/registry.tf", "azurerm_container_registry.relay[0].id", "azurerm_container_registry.rely[0].id")
    plant("terraform/roles.tf", "var.operator_type", "var.operator_typ")
    told = "\n".join(terraform.problems(copy))
    assert 'no argument, nested block, or exported attribute named "vault_urii"' in told
    assert '"azurerm_container_registry" "rely" has not been declared' in told
    assert '"operator_typ"' in told


def test_broken_syntax_is_found(copy: Path, plant: Callable[..., Path]) -> None:
    """A file that cannot be read is told."""
    plant("terraform/budget.tf", "notification {", "notification {{")
    assert any("budget.tf" in each for each in terraform.problems(copy))
