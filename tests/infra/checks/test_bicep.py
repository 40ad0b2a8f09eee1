"""What is wrong with a Bicep file is found without Bicep."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks import bicep


def test_our_files_are_right(root: Path) -> None:
    """Nothing is wrong with the Bicep files of this repository."""
    assert bicep.problems(root / "infra") == []


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
        (("modules/vault.bicep", "param name string", "param name string = (("), "syntax"),
        (("modules/vault.bicep", "tenant().tenantId", "tenantt().tenantId"), "'tenantt' is not declared"),
        (
            ("modules/monitoring.bicep", "Percentage: samplingPercentage", "Percentage: 50"),
            "is not used",
        ),
        (
            ("modules/vault.bicep", "enablePurgeProtection: true", "purgeProtection: true"),
            "there is no 'purgeProtection'",
        ),
        (("modules/vault.bicep", "family: 'A'", ""), "'family' is missing"),
        (
            ("modules/vault.bicep", "tenantId: tenant()", "hsmPoolResourceId: tenant()"),
            "'hsmPoolResourceId' is read-only",
        ),
        (("modules/storage.bicep", "'TLS1_2'", "'TLS12'"), "'TLS12' is none of"),
        (("modules/storage.bicep", "value: ip, action: 'Allow'", "value: ip, action: 'Let'"), "'Let' is none of"),
        (
            ("modules/function_app.bicep", "'function:changes', instanceCount", "'function:changes', instances"),
            "there is no 'instances'",
        ),
        (("modules/sidecar.bicep", "  secretRef: toLower", "  secret: toLower"), "there is no 'secret'"),
        (("modules/network.bicep", "{ id: gateway.id }", "{ name: gateway.id }"), "there is no 'name'"),
        (("modules/registry.bicep", "ip, action: 'Allow'", "ip, action: 'Let'"), "'Let' is none of Allow"),
        (("modules/alerts.bicep", "@2021-08-01", "@2031-08-01"), "no schema"),
        (("modules/function_app.bicep", "name: 'scm'", "name: 'smc'"), "must be one of ftp, scm"),
        (
            ("modules/function_app.bicep", "    location: location\n    properties", "    properties"),
            "'location' is missing",
        ),
        (("modules/vault.bicep", "'AuditEvent'", "'Audit'"), "'Audit' is none of AuditEvent"),
        (("modules/network.bicep", "map(delegated, part =>", "map(delegated, one =>"), "'part' is not declared"),
        (("main.bicep", "modules/budget.bicep", "modules/budgets.bicep"), "there is no modules/budgets.bicep"),
        (("main.bicep", "    start: budgetStart\n", ""), "does not give 'start'"),
        (("main.bicep", "    start: budgetStart\n", "    start: budgetStart\n    stop: 1\n"), "gives 'stop'"),
        (("main.bicep", "vault.outputs.url", "vault.outputs.uri"), "module 'vault' has no output 'uri'"),
        (("main.bicepparam", "param name =", "param nam ="), "gives 'nam'"),
        (("main.bicepparam", "param name =", "param location ="), "does not give 'name'"),
    ],
)
def test_planted_errors_are_found(plant: Callable[..., Path], slip: tuple[str, str, str], problem: str) -> None:
    """A slip in a Bicep file is told, with the file's name."""
    told = bicep.problems(plant(*slip))
    assert [each for each in told if problem in each and each.startswith(slip[0])]
