"""What the templates promise stands in them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import promises


def test_ours_hold(root: Path) -> None:
    """Every promise is kept by both sides."""
    assert promises.problems(root / "infra") == []


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
        (
            ("modules/storage.bicep", "SharedKeyAccess: false", "SharedKeyAccess: true"),
            "no shared keys. bicep: storage sets",
        ),
        (
            (
                "terraform/storage.tf",
                "shared_access_key_enabled        = false",
                "shared_access_key_enabled        = true",
            ),
            "no shared keys. terraform",
        ),
        (("modules/vault.bicep", "private ? 'Deny' : 'Allow'", "'Allow'"), "A private vault lets nobody in"),
        (("terraform/vault.tf", '"Deny" : "Allow"', '"Allow" : "Deny"'), "A private vault lets nobody in"),
        (("modules/network.bicep", "Microsoft.App/", "Microsoft.Web/"), "App and environment may use their subnets"),
        (("main.bicep", "    roles\n    endpoints\n", "    endpoints\n"), "So does the sidecar. bicep: main sets"),
        (
            ("terraform/function_app.tf", "    time_sleep.roles,\n", ""),
            "are there. terraform: azapi_resource sets depends_on",
        ),
        (("modules/function_app.bicep", "'azd-service-name': 'app'", "'azd-service-name': 'api'"), "azd finds the app"),
        (("modules/sidecar.bicep", "failureThreshold: 10", "failureThreshold: 30"), "Probes"),
        (
            ("terraform/environment.tf", "  internal_load_balancer_enabled = true\n", ""),
            "does not set internal_load_balancer_enabled",
        ),
        (("modules/endpoints.bicep", "'.vaultcore.'", "'.vaults.'"), "Each private part has the zone"),
        (("terraform/function_app.tf", "api_token.versionless_id", "api_token.id"), "The first token is a reference"),
        (("azd.bicep", "'azd-env-name'", "'azd-name'"), "azd does not set tags.azd-env-name"),
    ],
)
def test_planted_errors_are_found(plant: Callable[..., Path], slip: tuple[str, str, str], problem: str) -> None:
    """A value that breaks a promise, or is not there, is told with the promise."""
    assert [each for each in promises.problems(plant(*slip)) if problem in each]
