"""No deployment ends at a name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import names


def test_ours_hold(root: Path) -> None:
    """Every name that the templates take makes names that Azure takes."""
    assert names.problems(root / "infra") == []


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
        (("main.bicep", "@maxLength(17)", "@maxLength(22)"), "Azure takes no Microsoft.KeyVault/vaults of the name"),
        (("main.bicep", "@minLength(3)", "@minLength(2)"), "Azure takes no Microsoft.ContainerRegistry/registries"),
        (("modules/storage.bicep", "'st${name}'", "'st-${name}'"), "Azure takes no Microsoft.Storage/storageAccounts"),
        (("terraform/variables.tf", "{2,16}", "{2,26}"), "Terraform takes other names"),
        (("storage.json", '"oauthapps"', '"oauth-apps"'), "Azure takes no tables of the name 'oauth-apps'"),
    ],
)
def test_planted_errors_are_found(plant: Callable[..., Path], slip: tuple[str, str, str], problem: str) -> None:
    """A name that can be too long, too short or made of the wrong characters is told."""
    assert [each for each in names.problems(plant(*slip)) if problem in each]
