"""Parity: Bicep and Terraform make the same resources under the same names, with tags and logs, from the same files."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import combinations
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
_NETWORK = re.compile(r"\d+\.\d+\.\d+\.\d+/\d+")
_SHARED = ["storage.json", "roles.json", "alerts.json"]


def problems(infra: Path) -> list[str]:
    """Returns where the two differ."""
    made = blocks(infra / "terraform")
    checks = [
        _resources(infra, made),
        _providers(infra),
        _data(infra),
        _tags(infra, made),
        _logs(infra),
        _subnets(infra),
        _places(infra),
    ]
    return [problem for check in checks for problem in check]


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


def _data(infra: Path) -> Iterator[str]:
    """Both take queues, tables, roles and alerts from the same files."""
    modules = "".join(path.read_text() for path in (infra / "modules").glob("*.bicep"))
    terraform = (infra / "terraform" / "main.tf").read_text()
    for name in _SHARED:
        if f"loadJsonContent('../{name}')" not in modules:
            yield f"Bicep does not read {name}"
        if f'file("${{path.module}}/../{name}")' not in terraform:
            yield f"Terraform does not read {name}"


def _tags(infra: Path, made: list[Block]) -> Iterator[str]:
    """What has tags on one side has them on the other."""
    ours: dict[str, bool] = {}
    for path in sorted((infra / "modules").glob("*.bicep")):
        for each in read(path).of("resource"):
            kind = _SAME.get(each.type.split("@")[0])
            if kind is not None and each.body is not None and not each.existing:
                ours[kind] = "tags" in properties(each.body)
    for block in made:
        if block.kind == "resource" and block.labels[0] in ours:
            name, tagged = block.labels[0], block.argument("tags") is not None
            if tagged != ours[name]:
                yield f"{name} has tags in {'Terraform' if tagged else 'Bicep'} alone"


def _logs(infra: Path) -> Iterator[str]:
    """Both send the same logs."""
    sides = {
        side: {name for path in infra.glob(files) for name in re.findall(pattern, path.read_text())}
        for side, files, pattern in [
            ("Bicep", "modules/*.bicep", r"category: '(\w+)', enabled"),
            ("Terraform", "terraform/*.tf", r"category = \"(\w+)\""),
        ]
    }
    for name in sorted(sides["Bicep"] ^ sides["Terraform"]):
        yield f"the log {name} is sent by {'Bicep' if name in sides['Bicep'] else 'Terraform'} alone"


def _subnets(infra: Path) -> Iterator[str]:
    """Both divide the network alike, and no part of it twice."""
    sides = [
        sorted(IPv4Network(told) for told in _NETWORK.findall((infra / name).read_text()))
        for name in ("modules/network.bicep", "terraform/network.tf")
    ]
    if sides[0] != sides[1]:
        bicep, terraform = (", ".join(map(str, side)) for side in sides)
        yield f"the network is {bicep} in Bicep and {terraform} in Terraform"
    for whole, *parts in sides:
        if any(one.overlaps(other) for one, other in combinations(parts, 2)) or not all(map(whole.supernet_of, parts)):
            yield f"the subnets {', '.join(map(str, parts))} overlap, or are not in {whole}"


def _places(infra: Path) -> Iterator[str]:
    """Everything is where the deployment is, or everywhere."""
    for path in sorted([*infra.glob("modules/*.bicep"), *infra.glob("terraform/*.tf")]):
        for place in re.findall(r"^ +location *[:=] (.*)$", path.read_text(), re.MULTILINE):
            if place not in {"location", "local.location", "'global'", '"global"'} and "coalesce" not in place:
                yield f"{path.relative_to(infra)}: something is at {place}"
