"""What one file hands to the next arrives."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import wiring


def test_ours_hold(root: Path) -> None:
    """Every name that is handed on is asked for."""
    assert wiring.problems(root / "infra") == []


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
        (("azd.bicep", "output KEY_VAULT_NAME ", "output VAULT "), "preprovision.sh asks for KEY_VAULT_NAME"),
        (("hooks/postprovision.sh", "get-value AZURE_", "get-value "), "asks for CONTAINER_REGISTRY_ENDPOINT"),
        (("hooks/preprovision.sh", "env set API_TOKEN", "env set APITOKEN"), "preprovision.sh sets APITOKEN"),
        (("hooks/postprovision.sh", "API_TOKEN SIDECAR_KEY", "APITOKEN SIDECAR_KEY"), "postprovision.sh sets APITOKEN"),
        (("secrets.sh", "export SIDECAR_KEY", "export SIDECARKEY"), "secrets.sh does not make SIDECAR_KEY"),
        (("main.bicepparam", "'API_TOKEN'", "'APITOKEN'"), "main.bicepparam does not read API_TOKEN"),
        (("main.bicepparam", "'ALERT_EMAILS'", "'ALERT_EMAIL'"), "azd.bicepparam reads ALERT_EMAILS"),
        (
            ("main.bicep", "storage.outputs.queueEndpoint", "storage.outputs.tableEndpoint"),
            "'queueEndpoint' of module 'sidecar' is given",
        ),
        (("terraform/sidecar.tf", "primary_table_endpoint", "primary_queue_endpoint"), "the address of tables is"),
        (("storage.json", ', "jobs-poison"', ""), "the queue 'jobs-poison' is missing"),
        (("storage.json", '"retries"', '"retry"'), "the queue 'retry' is nobody's"),
        (
            ("modules/function_app.bicep", "function:changes", "function:change"),
            "function:change, which is no function",
        ),
        (("terraform/sidecar.tf", '"/alive"', '"/live"'), "a probe asks for /live, which the sidecar does not answer"),
        (("azd.bicep", "@secure()\nparam apiToken", "param apiToken"), "azd.bicep: apiToken would be shown"),
        (
            ("modules/vault.bicep", "value: apiToken", "value: sidecarKey"),
            "secret API-TOKEN has the value of SIDECAR_KEY",
        ),
        (("terraform/vault.tf", '"SIDECAR-KEY"', '"API-TOKEN"'), "secret API-TOKEN has the value of SIDECAR_KEY"),
    ],
)
def test_planted_errors_are_found(plant: Callable[..., Path], slip: tuple[str, str, str], problem: str) -> None:
    """A name that leads nowhere is told, with the file that has it."""
    assert [each for each in wiring.problems(plant(*slip)) if problem in each]
