"""What Terraform hands to Azure as it stands is what Bicep hands to it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import bodies


def test_both_hand_over_the_same(root: Path) -> None:
    """The function app and its publishing rules have the same properties in Bicep and in Terraform."""
    assert bodies.problems(root / "infra") == []


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
        (("terraform/function_app.tf", "httpsOnly ", "httpOnly "), "'properties.httpOnly' is set by Terraform alone"),
        (
            ("modules/function_app.bicep", "perInstanceConcurrency:", "perInstance:"),
            "'properties.functionAppConfig.scaleAndConcurrency.triggers.http.perInstance' is set by Bicep alone",
        ),
        (("terraform/function_app.tf", "      allow = false", ""), "'properties.allow' is set by Bicep alone"),
        (
            ("terraform/function_app.tf", "sites@2024-11-01", "sites@2024-04-01"),
            "Bicep has no Microsoft.Web/sites@2024",
        ),
    ],
)
def test_planted_differences_are_found(plant: Callable[..., Path], slip: tuple[str, str, str], problem: str) -> None:
    """A property that one side alone sets is told by its path."""
    assert [each for each in bodies.problems(plant(*slip)) if problem in each]
