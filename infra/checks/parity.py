"""Parity: Bicep and Terraform make the same resources under the same names, with the same parameters and settings."""

import re
from collections.abc import Iterator
from pathlib import Path

from infra.checks.bicep_files import properties, read, text
from infra.checks.terraform_files import Block, blocks

# What is called what, but for what azapi makes, which has Azure's own names.
_SAME = {
    "Microsoft.App/containerApps": "azurerm_container_app",
    "Microsoft.App/managedEnvironments": "azurerm_container_app_environment",
    "Microsoft.Authorization/roleAssignments": "azurerm_role_assignment",
    "Microsoft.Consumption/budgets": "azurerm_consumption_budget_resource_group",
    "Microsoft.ContainerRegistry/registries": "azurerm_container_registry",
    "Microsoft.Insights/actionGroups": "azurerm_monitor_action_group",
    "Microsoft.Insights/components": "azurerm_application_insights",
    "Microsoft.Insights/diagnosticSettings": "azurerm_monitor_diagnostic_setting",
    "Microsoft.Insights/scheduledQueryRules": "azurerm_monitor_scheduled_query_rules_alert_v2",
    "Microsoft.KeyVault/vaults": "azurerm_key_vault",
    "Microsoft.KeyVault/vaults/secrets": "azurerm_key_vault_secret",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "azurerm_user_assigned_identity",
    "Microsoft.Network/natGateways": "azurerm_nat_gateway",
    "Microsoft.Network/privateDnsZones": "azurerm_private_dns_zone",
    "Microsoft.Network/privateDnsZones/A": "azurerm_private_dns_a_record",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": "azurerm_private_dns_zone_virtual_network_link",
    "Microsoft.Network/privateEndpoints": "azurerm_private_endpoint",
    "Microsoft.Network/publicIPAddresses": "azurerm_public_ip",
    "Microsoft.Network/virtualNetworks": "azurerm_virtual_network",
    "Microsoft.OperationalInsights/workspaces": "azurerm_log_analytics_workspace",
    "Microsoft.Storage/storageAccounts": "azurerm_storage_account",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "azurerm_storage_container",
    "Microsoft.Storage/storageAccounts/queueServices/queues": "azurerm_storage_queue",
    "Microsoft.Storage/storageAccounts/tableServices/tables": "azurerm_storage_table",
    "Microsoft.Web/serverfarms": "azurerm_service_plan",
}
# A resource of its own on one side, an argument of another on the other.
_INSIDE = {
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Storage/storageAccounts/queueServices",
    "Microsoft.Storage/storageAccounts/tableServices",
    "Microsoft.Web/sites/config",
    "azurerm_nat_gateway_public_ip_association",
    "azurerm_subnet",
    "azurerm_subnet_nat_gateway_association",
    "time_sleep",
}
# These names are computed, each side in its own way: GUIDs, and zones that follow from an address.
_COMPUTED = {"Microsoft.Authorization/roleAssignments", "Microsoft.Network/privateDnsZones"}
# Terraform writes a secret again only where its version is another; and is not told where it is by its command.
_ONLY_TERRAFORM = {
    *("client_state_keys_version", "api_token_version", "sidecar_key_version"),
    *("resource_group", "cloud"),
}
_SHARED = ["storage.json", "roles.json", "alerts.json"]
_OWN_DEFAULT = {"location", "operator_principal_id", "budget_start"}


def problems(infra: Path) -> list[str]:
    """Returns where the two differ."""
    made = blocks(infra / "terraform")
    checks = [_resources(infra, made), _providers(infra), _parameters(infra, made), _settings(infra), _data(infra)]
    return [problem for check in checks for problem in check]


def settings_of(infra: Path) -> dict[str, dict[str, set[str]]]:
    """Returns the settings by who has them (app, sidecar) and by who sets them (bicep, terraform)."""
    app = {each.name: each for each in read(infra / "modules" / "function_app.bicep").of("var")}
    bicep_app = {
        name
        for variable in ("fixedSettings", "sidecarSettings")
        for name in re.findall(r"^ +(\w+): ", text(app[variable].node), re.MULTILINE)
    }
    container = text(read(infra / "modules" / "sidecar.bicep").of("resource")[0].node)
    terraform_app = (infra / "terraform" / "function_app.tf").read_text().split("\n}\n")[0]
    terraform_sidecar = (infra / "terraform" / "sidecar.tf").read_text()
    return {
        "app": {
            "bicep": bicep_app,
            "terraform": {*re.findall(r"^    (\w+) += ", terraform_app, re.MULTILINE)} - {"AzureWebJobsStorage"},
        },
        "sidecar": {
            "bicep": set(re.findall(r"\{ name: '(\w+)', (?:value|secretRef): ", container)),
            "terraform": set(re.findall(r"env \{\s+name +=\s+\"(\w+)\"", terraform_sidecar)),
        },
    }


def _resources(infra: Path, made: list[Block]) -> Iterator[str]:
    ours, theirs = _bicep_names(infra), _terraform_names(made)
    for kind, names in sorted(ours.items()):
        if kind not in _SAME and kind not in theirs:
            yield f"{kind} has no counterpart in Terraform"
            continue
        other = theirs.get(_SAME.get(kind, kind), set())
        if kind in _COMPUTED:
            other = {"*"} if other else set()
        for name in sorted(names ^ other):
            side, missing = ("Bicep", "Terraform") if name in names else ("Terraform", "Bicep")
            yield f"{kind} {name!r} is made by {side} and not by {missing}"
    for kind in sorted(set(theirs) - {_SAME.get(each, each) for each in ours}):
        yield f"{kind} is made by Terraform and not by Bicep"


def _bicep_names(infra: Path) -> dict[str, set[str]]:
    names: dict[str, set[str]] = {}
    for path in [infra / "main.bicep", *sorted((infra / "modules").glob("*.bicep"))]:
        for each in read(path).of("resource"):
            kind = each.type.split("@")[0]
            if each.existing or each.body is None or kind in _INSIDE:
                continue
            name = "*" if kind in _COMPUTED else _plain(text(properties(each.body)["name"]).strip("'"))
            names.setdefault(kind, set()).add(name)
    return names


def _terraform_names(made: list[Block]) -> dict[str, set[str]]:
    names: dict[str, set[str]] = {}
    for block in made:
        if block.kind != "resource" or block.labels[0] in _INSIDE:
            continue
        kind = block.labels[0]
        if kind.startswith("azapi_"):
            kind = (block.argument("type") or "").split("@")[0]
        names.setdefault(kind, set()).add(_plain(block.argument("name") or ""))
    return names


def _plain(name: str) -> str:
    """Returns a name with `NAME` for the deployment's and `*` for whatever a loop puts in."""
    name = re.sub(r"\$\{(var\.)?name\}", "NAME", name)
    name = re.sub(r"\$\{[\w.\[\]]+\}", "*", name)
    return name if re.search(r"[A-Z]|default|audit|logs|\*", name) else "*"


def _providers(infra: Path) -> Iterator[str]:
    """Terraform and the script register the resource providers of all that is made; Bicep leaves that to Azure."""
    told = re.search(
        r"resource_providers_to_register = \[(.*?)\]", (infra / "terraform" / "versions.tf").read_text(), re.DOTALL
    )
    registered = set(re.findall(r'"([\w.]+)"', told[1] if told else ""))
    # Which every subscription has.
    needed = {kind.split("/")[0] for kind in _bicep_names(infra)} - {"Microsoft.Authorization"}
    loop = re.search(r"^for namespace in (.*); do$", (infra / "providers.sh").read_text(), re.MULTILINE)
    sides = {
        "Terraform": registered,
        "providers.sh": {f"Microsoft.{name}" for name in (loop[1] if loop else "").split()},
    }
    for side, names in sides.items():
        for name in sorted(needed ^ names):
            yield f"{name} is {'not registered' if name in needed else 'registered for nothing'} by {side}"


def _parameters(infra: Path, made: list[Block]) -> Iterator[str]:
    ours = {
        re.sub(r"(?<=[a-z])([A-Z]+)", lambda found: "_" + found[1].lower(), each.name): text(each.node)
        for each in read(infra / "main.bicep").of("param")
    }
    theirs = {block.labels[0]: block for block in made if block.kind == "variable"}
    for name in sorted(set(ours) ^ (set(theirs) - _ONLY_TERRAFORM)):
        yield f"parameter {name!r} is known to {'Bicep' if name in ours else 'Terraform'} alone"
    for name in sorted(set(ours) & set(theirs) - _OWN_DEFAULT):
        default = ours[name].partition(" = ")[2].strip("'\n ")
        other = (theirs[name].argument("default") or "").strip('"')
        if default != other:
            yield f"parameter {name!r} is {default or 'needed'} in Bicep and {other or 'needed'} in Terraform"


def _settings(infra: Path) -> Iterator[str]:
    for who, sides in settings_of(infra).items():
        for name in sorted(sides["bicep"] ^ sides["terraform"]):
            side = "Bicep" if name in sides["bicep"] else "Terraform"
            yield f"setting {name!r} of the {who} is set by {side} alone"


def _data(infra: Path) -> Iterator[str]:
    """Both take queues, tables, roles and alerts from the same files."""
    modules = "".join(path.read_text() for path in (infra / "modules").glob("*.bicep"))
    terraform = (infra / "terraform" / "main.tf").read_text()
    for name in _SHARED:
        if f"loadJsonContent('../{name}')" not in modules:
            yield f"Bicep does not read {name}"
        if f'file("${{path.module}}/../{name}")' not in terraform:
            yield f"Terraform does not read {name}"
