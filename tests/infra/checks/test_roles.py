"""A role is given for what the code does, and for nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import roles


def test_ours_hold(root: Path) -> None:
    """Whoever is given an address has its role, and no other."""
    assert roles.problems(root / "infra") == []


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
        (
            ("roles.json", '"scope": "insights"', '"scope": "insight"'),
            "app Monitoring Metrics Publisher insights is missing",
        ),
        (("roles.json", '"role": "AcrPull"', '"role": "Contributor"'), "'Contributor' is not one of the roles"),
        (("roles.json", "b86a8fe4-44ce", "b86a8fe4-44cf"), "Key Vault Secrets Officer has the id b86a8fe4-44ce"),
        (
            ("roles.json", '"who": "operator"', '"who": "sidecar"'),
            "operator Key Vault Secrets Officer vault is missing",
        ),
        (("roles.json", '"why": "It pulls its own image."', '"why": ""'), "a row must say"),
        (
            ("modules/roles.bicep", "principals[role.who], role.id", "role.who, role.id"),
            "does not follow from storage",
        ),
        (
            ("modules/sidecar.bicep", "{ name: 'KEY_VAULT_URL'", "{ name: 'VAULT'"),
            "sidecar Key Vault Secrets Officer vault is nowhere needed",
        ),
        (("modules/roles.bicep", "  scope: vault\n", ""), "does not follow from nothing"),
    ],
)
def test_planted_errors_are_found(plant: Callable[..., Path], slip: tuple[str, str, str], problem: str) -> None:
    """A role that is missing, wrong, too much or on something else is told."""
    assert [each for each in roles.problems(plant(*slip)) if problem in each]
