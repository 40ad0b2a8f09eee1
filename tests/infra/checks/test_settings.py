"""The app and the sidecar start with what the templates set."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import settings

APP, SIDECAR, TERRAFORM = "modules/function_app.bicep", "modules/sidecar.bicep", "terraform/function_app.tf"


def test_both_start(root: Path) -> None:
    """Every needed setting is set by both, and as it must be, and nothing is refused on Flex Consumption."""
    assert settings.problems(root / "infra") == []


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
        ((APP, "  API_TOKEN: ", "  APITOKEN: "), "API_TOKEN is not set for the app"),
        ((APP, "  SIDECAR_KEY: ", "  SIDECAR: "), "the app does not start"),
        ((APP, "  KEY_VAULT_URL: ", "  VAULT_FILE: "), "KEY_VAULT_URL is not set for the app"),
        ((APP, "API_TOKEN: '@Microsoft.KeyVault", "API_TOKEN: 'plain"), "API_TOKEN of the app is no reference"),
        ((TERRAFORM, "CLIENT_STATE_KEYS ", "STATE_KEYS "), "STATE_KEYS is no setting of the app"),
        ((TERRAFORM, "AzureWebJobsDisableHomepage ", "WEBSITE_TIME_ZONE "), "WEBSITE_TIME_ZONE is refused"),
        (("terraform/sidecar.tf", '= "SIDECAR_KEY"', '= "SIDECAR_TOKEN"'), "SIDECAR_KEY is not set for the sidecar"),
        ((SIDECAR, "{ name: 'KEY_VAULT_URL'", "{ name: 'API_TOKEN'"), "API_TOKEN is the app's alone"),
        ((SIDECAR, "  'API_TOKEN'\n", ""), "API_TOKEN is not refused in the sidecar's further settings"),
        (("terraform/sidecar.tf", '    "KEY_VAULT_URL",\n', ""), "KEY_VAULT_URL is not refused in the sidecar's"),
        (
            ("terraform/sidecar.tf", '"SIDECAR_PORT"', '"SIDECAR_SESSIONS"'),
            "SIDECAR_SESSIONS is refused in the sidecar's",
        ),
        ((APP, "max(32, httpConcurrency)", "32"), "may be less than the HTTP concurrency"),
        ((TERRAFORM, "max(32, ", "max(16, "), "may be less than the 24 messages"),
        ((SIDECAR, "'SIDECAR_KEY', secretRef", "'SIDECAR_KEY', value"), "SIDECAR_KEY of the sidecar is no"),
    ],
)
def test_planted_errors_are_found(plant: Callable[..., Path], slip: tuple[str, str, str], problem: str) -> None:
    """A setting that is missing, unknown, refused, too small or told in the open is found."""
    assert [each for each in settings.problems(plant(*slip)) if problem in each]
