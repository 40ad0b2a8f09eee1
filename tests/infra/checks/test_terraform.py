"""What is wrong with a Terraform file is found by Terraform itself, without its registry."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import terraform


def test_our_files_are_right(root: Path) -> None:
    """Terraform finds nothing wrong with the files of this repository."""
    assert terraform.problems(root / "infra") == []


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
        (("vault.tf", "purge_protection_enabled ", "purge_protectionn_enabled "), 'mean "purge_protection_enabled"?'),
        (("vault.tf", "purge_protection_enabled ", "purge_protectionn_enabled "), "vault.tf wants formatting"),
        (("storage.tf", "  storage_account_id = azurerm", "  # azurerm"), '"storage_account_id" is required'),
        (("alerts.tf", "failing_periods {", "failing_period {"), 'Blocks of type "failing_period" are not expected'),
        (("monitoring.tf", "= var.log_retention_days", '= "long"'), "a number is required"),
        (("sidecar.tf", "relay.vault_uri", "relay.vault_urii"), 'Did you mean "vault_uri"?'),
        (("registry.tf", "registry.relay[0].id", "registry.rely[0].id"), '"rely" has not been declared'),
        (("roles.tf", "var.operator_type", "var.operator_typ"), 'the name "operator_typ" has not been declared'),
        (("vault.tf", "random_password.api_token.result", "random_password.api_token.value"), 'named "value"'),
        (("budget.tf", "notification {", "notification {{"), "budget.tf"),
    ],
)
def test_planted_errors_are_found(plant: Callable[..., Path], slip: tuple[str, str, str], problem: str) -> None:
    """A slip in an argument, a block, a type, a reference, the syntax or the layout is told."""
    name, right, wrong = slip
    told = terraform.problems(plant(f"terraform/{name}", right, wrong))
    assert [each for each in told if problem in each]
