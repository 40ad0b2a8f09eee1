"""Bicep and Terraform take the same, and set the same."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import parameters


def test_both_take_the_same(root: Path) -> None:
    """Both take the same parameters with the same defaults, and set the same settings."""
    assert parameters.problems(root / "infra") == []


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
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
        (("terraform/function_app.tf", "= var.maximum_instances", "= 100"), "'maximum_instances' is used nowhere"),
        (("terraform/variables.tf", "  ephemeral   = true\n", ""), "'client_state_keys' is not kept secret alike"),
        (("main.bicep", "@secure()\n", ""), "'client_state_keys' is not kept secret alike"),
    ],
)
def test_planted_differences_are_found(plant: Callable[..., Path], slip: tuple[str, str, str], problem: str) -> None:
    """What one takes or sets and the other does not is told."""
    assert [each for each in parameters.problems(plant(*slip)) if problem in each]
