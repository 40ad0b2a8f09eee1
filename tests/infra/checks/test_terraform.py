"""What is wrong with a Terraform file is found by Terraform itself, without its registry."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import terraform

# What hangs on something wrong is not looked at, so the slips of a round do not hang on each other.
ROUNDS = {
    "bottom": [
        ("vault.tf", "purge_protection_enabled ", "purge_protectionn_enabled ", 'mean "purge_protection_enabled"?'),
        ("storage.tf", "  storage_account_id = azurerm", "  # azurerm", '"storage_account_id" is required'),
        ("monitoring.tf", "= var.log_retention_days", '= "long"', "a number is required"),
    ],
    "middle": [
        ("roles.tf", "var.operator_type", "var.operator_typ", 'the name "operator_typ" has not been declared'),
    ],
    "app": [
        ("function_app.tf", "  type      = ", "  # ", 'The argument "type" is required'),
    ],
    "top": [
        ("alerts.tf", "failing_periods {", "failing_period {", 'Blocks of type "failing_period" are not expected'),
        ("sidecar.tf", "relay.vault_uri", "relay.vault_urii", 'Did you mean "vault_uri"?'),
        ("registry.tf", "registry.relay[0].id", "registry.rely[0].id", '"rely" has not been declared'),
        ("vault.tf", "random_password.api_token.result", "random_password.api_token.value", 'named "value"'),
        ("outputs.tf", "  value = azapi", "  value  = azapi", "outputs.tf wants formatting"),
    ],
}


def test_our_files_are_right(root: Path) -> None:
    """Terraform finds nothing wrong with the files of this repository."""
    assert terraform.problems(root / "infra") == []


@pytest.mark.parametrize("slips", ROUNDS.values(), ids=ROUNDS)
def test_planted_errors_are_found(plant: Callable[..., Path], slips: list[tuple[str, str, str, str]]) -> None:
    """A slip in an argument, a block, a type, a reference or the layout is told, each by itself."""
    for name, right, wrong, _ in slips:
        copy = plant(f"terraform/{name}", right, wrong)
    told = terraform.problems(copy)
    assert [problem for *_, problem in slips if not any(problem in each for each in told)] == []


def test_a_slip_in_the_syntax_is_found(plant: Callable[..., Path]) -> None:
    """What cannot be read at all is told with the file's name."""
    told = terraform.problems(plant("terraform/budget.tf", "notification {", "notification {{"))
    assert [each for each in told if "budget.tf" in each]
